import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport

/// A bucket behind a ``StubServer``: S3 as far as the command needs it, with faults where a test wants them.
struct StubStore: Sendable {
    /// What the bucket holds.
    let objects = MemoryObjectStore()
    private let parts = NIOLockedValueBox<[String: ByteBuffer]>([:])
    private let fault = NIOLockedValueBox<@Sendable (StubRequest) async -> StubResponse?>({ _ in nil })

    /// Runs a server in front of an empty bucket, and a sandbox in front of it.
    static func run(_ body: (StubStore, StubServer, Sandbox) async throws -> Void) async throws {
        let store = StubStore()
        try await StubServer.run {
            await store.answer($0)
        } _: { server in
            try await Sandbox.run { try await body(store, server, try $0.using(server)) }
        }
    }

    /// From now on, requests that the closure answers are answered so.
    func answering(_ fault: @escaping @Sendable (StubRequest) -> StubResponse?) {
        self.fault.withLockedValue { $0 = fault }
    }

    /// The same, for a closure that has to wait for something.
    func answeringLater(_ fault: @escaping @Sendable (StubRequest) async -> StubResponse?) {
        self.fault.withLockedValue { $0 = fault }
    }

    /// The keys that start with a prefix.
    func keys(_ prefix: String = "") async throws -> [String] {
        try await objects.list(prefix: prefix).collect().map(\.key.text)
    }

    private func answer(_ request: StubRequest) async -> StubResponse {
        if let response = await fault.withLockedValue({ $0 })(request) { return response }
        do { return try await serve(request) } catch let error as StoreError {
            let (status, code) =
                switch error.kind {
                case .notFound: (404, "NoSuchKey")
                case .alreadyExists: (412, "PreconditionFailed")
                case .invalid: (416, "InvalidRange")
                default: (500, "InternalError")
                }
            return .text("<Error><Code>\(code)</Code><Message>\(error)</Message></Error>", status: status)
        } catch {
            return .status(500)
        }
    }

    private func serve(_ request: StubRequest) async throws -> StubResponse {
        let query = request.parameters
        let key = ObjectKey(request.key)
        switch request.method {
        case "GET" where query["list-type"] != nil: return try await list(query)
        case "GET": return try await read(key, request.header("range"))
        case "PUT":
            if let number = query["partNumber"] {
                parts.withLockedValue { $0["\(query["uploadId"] ?? "")/\(number)"] = request.body }
                return .status(200, headers: [("ETag", "\"part-\(number)\"")])
            }
            let rule: WriteRule = request.header("if-none-match") == "*" ? .createOnly : .overwrite
            let info = try await objects.put(key, .bytes(request.body), rule)
            return .status(200, headers: [("ETag", info.etag?.text ?? "")])
        case "POST" where query["uploads"] != nil:
            return .text("<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>")
        case "POST" where query["uploadId"] != nil:
            var content = ByteBuffer()
            for number in 1...request.text.components(separatedBy: "<PartNumber>").count - 1 {
                let part = parts.withLockedValue { $0["\(query["uploadId"] ?? "")/\(number)"] }
                content.writeImmutableBuffer(part ?? ByteBuffer())
            }
            let info = try await objects.put(key, .bytes(content), .overwrite)
            return .text(
                "<CompleteMultipartUploadResult><ETag>\(info.etag?.text ?? "")</ETag></CompleteMultipartUploadResult>")
        case "POST":
            let keys = request.text.matches(of: /<Key>([^<]*)<\/Key>/).map { ObjectKey(String($0.1)) }
            _ = try await objects.delete(keys)
            return .text("<DeleteResult/>")
        case "DELETE":
            if query["uploadId"] == nil { _ = try await objects.delete([key]) }
            return .status(204)
        default: return .status(405)
        }
    }

    private func list(_ query: [String: String]) async throws -> StubResponse {
        let page = try await objects.page(
            prefix: query["prefix"] ?? "", after: query["continuation-token"],
            limit: Int(query["max-keys"] ?? "") ?? 1000)
        let contents = page.objects.map {
            "<Contents><Key>\($0.key)</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                + "<ETag>\($0.etag?.text ?? "")</ETag><Size>\($0.size)</Size></Contents>"
        }
        let token = page.next.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? ""
        return .text(
            "<ListBucketResult><IsTruncated>\(page.next != nil)</IsTruncated>\(token)\(contents.joined())"
                + "</ListBucketResult>"
        )
    }

    private func read(_ key: ObjectKey, _ header: String?) async throws -> StubResponse {
        let bounds = header?.dropFirst("bytes=".count).split(separator: "-").compactMap { Int64($0) }
        let range = bounds.flatMap { $0.count == 2 ? $0[0]..<($0[1] + 1) : nil }
        let content = try await objects.get(key, range: range, ifMatch: nil)
        var headers = [("ETag", content.info.etag?.text ?? ""), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")]
        if range != nil {
            let last = content.range.upperBound - 1
            headers.append(("Content-Range", "bytes \(content.range.lowerBound)-\(last)/\(content.info.size)"))
        }
        return StubResponse(
            status: range == nil ? 200 : 206, headers: headers, body: try await content.collect(upTo: 1 << 26))
    }
}

extension StubRequest {
    /// The key of the object, without the bucket.
    var key: String {
        let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: true)
        return parts.count < 2 ? "" : String(parts[1]).removingPercentEncoding ?? ""
    }

    /// The decoded parameters of the query; one without a value has an empty one.
    var parameters: [String: String] {
        var found: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { String($0).removingPercentEncoding ?? "" }
            found[parts[0]] = parts.count > 1 ? parts[1] : ""
        }
        return found
    }

    /// Reads content of a pack.
    var readsPack: Bool { method == "GET" && key.contains("/packs/") }
}
