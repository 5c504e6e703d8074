import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport

@testable import S3Store

/// A store at a ``StubServer``, whose waits between attempts take no time but are recorded.
struct StubbedStore {
    let store: S3Store
    let server: StubServer
    let waits: Waits
    let logs: CapturedLogs

    /// Runs a stub and opens its bucket `bucket`.
    /// - Parameter cleanUp: how long the removal of an unfinished upload may take.
    static func run<Result>(
        _ answer: @escaping StubServer.Handler, early: @escaping StubServer.EarlyHandler = { _ in nil },
        certificate: SelfSignedCertificate? = nil, credentials: any CredentialSource = FixedCredentials(.stub),
        systemTime: @escaping @Sendable () -> Date = { Date() }, cleanUp: Duration = .seconds(60),
        configure: (inout S3Configuration) -> Void = { _ in },
        _ body: (StubbedStore) async throws -> Result
    ) async throws -> Result {
        try await StubServer.run(certificate: certificate, handler: answer, early: early) { server in
            var configuration = S3Configuration(
                bucket: "bucket",
                endpoint: S3EndpointOptions(region: "us-east-1", endpoint: server.url, allowInsecureEndpoint: true))
            configure(&configuration)
            let (waits, logs) = (Waits(), CapturedLogs())
            var timing = waits.timing
            timing.cleanUp = cleanUp
            timing.cleanUpAfterCancellation = cleanUp
            return try await S3Store.withStore(
                configuration, credentials: credentials, meter: TransferMeter(), logger: logs.logger,
                systemTime: systemTime, timing: timing
            ) { store in
                try await body(StubbedStore(store: store, server: server, waits: waits, logs: logs))
            }
        }
    }
}

extension Credentials {
    static let stub = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "very+secret/key", sessionToken: "very-secret-token")
}

/// The waits between attempts that a client asked for.
final class Waits: Sendable {
    private let all = NIOLockedValueBox<[Duration]>([])
    var recorded: [Duration] { all.withLockedValue { $0 } }
    /// Jitter at its upper end.
    var timing: RetryTiming {
        RetryTiming(
            random: { 1 },
            sleep: { duration in
                try Task.checkCancellation()
                self.all.withLockedValue { $0.append(duration) }
            })
    }
}

/// Everything that is logged, at every level, as text.
final class CapturedLogs: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])
    var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }
    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(logs: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let logs: CapturedLogs
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
            logs.lines.withLockedValue { $0.append(line) }
        }
    }
}

/// Holds those who arrive until a group of them is there.
actor GroupGate {
    private let size: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(size: Int) { self.size = size }

    func pass() async {
        guard waiting.count + 1 < size else {
            for waiter in waiting { waiter.resume() }
            waiting = []
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }
}

/// Counts who is inside.
final class Gauge: Sendable {
    private let counts = NIOLockedValueBox((now: 0, most: 0))
    var most: Int { counts.withLockedValue { $0.most } }
    func enter() { counts.withLockedValue { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { counts.withLockedValue { $0.now -= 1 } }
}

/// Counts from 1.
final class Ordinals: Sendable {
    private let count = NIOLockedValueBox(0)
    func next() -> Int {
        count.withLockedValue { count in
            count += 1
            return count
        }
    }
}

/// The error that some work ends with; `nil` if it ends well.
func failure(_ work: () async throws -> Void) async -> StoreError? {
    do {
        try await work()
        return nil
    } catch let error as StoreError {
        return error
    } catch {
        return StoreError(.invalid, "test", "threw \(type(of: error)) and not StoreError: \(error)")
    }
}

extension StubResponse {
    /// An error document.
    static func error(
        _ status: Int, _ code: String, _ fields: String = "", headers: [(name: String, value: String)] = []
    ) -> StubResponse {
        .text(
            "<Error><Code>\(code)</Code><Message>message of \(code)</Message>\(fields)</Error>", status: status,
            headers: headers + [("x-amz-request-id", "REQ1")])
    }

    static func list(_ keys: [String] = [], truncated: Bool = false, token: String? = nil) -> StubResponse {
        .text(listDocument(keys, truncated: truncated, token: token))
    }

    static func object(_ text: String, etag: String = "\"v1\"", headers: [(name: String, value: String)] = [])
        -> StubResponse
    {
        .text(text, headers: [("ETag", etag)] + headers)
    }

    /// A well-behaved answer to whatever the client asks.
    static func wellBehaved(_ request: StubRequest) -> StubResponse {
        switch request.method {
        case "POST" where request.query == "uploads=" || request.query == "uploads":
            return .text(
                "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>")
        case "POST" where request.query.hasPrefix("uploadId"):
            return .text(
                "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
        case "POST": return .text("<DeleteResult></DeleteResult>")
        case "PUT": return .status(200, headers: [("ETag", "\"v1\"")])
        case "DELETE": return .status(204)
        case "GET" where request.query.contains("list-type"): return .list()
        case "GET": return .object("content")
        default: return .status(200, headers: [("ETag", "\"v1\""), ("Content-Length", "7")])
        }
    }
}

func listDocument(_ keys: [String], truncated: Bool = false, token: String? = nil) -> String {
    let contents = keys.map { "<Contents><Key>\($0)</Key><Size>1</Size><ETag>\"e\"</ETag></Contents>" }.joined()
    let next = token.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? ""
    return "<ListBucketResult><Name>bucket</Name>\(contents)<IsTruncated>\(truncated)</IsTruncated>\(next)"
        + "</ListBucketResult>"
}

extension StubRequest {
    /// The region that the request is signed for.
    var signedRegion: String? {
        header("authorization")?.split(separator: "/").dropFirst(2).first.map(String.init)
    }
    var isAbort: Bool { method == "DELETE" && query.hasPrefix("uploadId") }
    var isPart: Bool { method == "PUT" && query.hasPrefix("partNumber") }
    var isComplete: Bool { method == "POST" && query.hasPrefix("uploadId") }
}

// Untyped forms: the macros of Swift Testing do not forward typed throws.
extension ObjectStore {
    func text(_ key: String, range: Range<Int64>? = nil) async throws -> String {
        String(buffer: try await get(ObjectKey(key), range: range, ifMatch: nil).collect(upTo: 1 << 26))
    }
    func keys(_ prefix: String) async throws -> [String] {
        try await list(prefix: prefix).collect().map(\.key.text)
    }
    func write(_ key: String, _ text: String, _ rule: WriteRule = .overwrite) async throws {
        try await put(ObjectKey(key), .bytes(ByteBuffer(string: text)), rule)
    }
    func exists(_ key: String) async throws -> Bool { try await find(ObjectKey(key)) != nil }
}
