import Foundation
import NIOConcurrencyHelpers
import NIOCore
import TestSupport

@testable import S3Store

/// Runs the credential chain in the world that a vector describes: an environment, files, and a local server.
enum CredentialScenario {
    struct Outcome: Sendable {
        var credentials: Credentials?
        var error: CredentialError?
        var requests: [StubRequest] = []
        var hostsTried: [String] = []

        var name: String { credentials != nil ? "credentials" : error?.isNotFound == true ? "none" : "error" }
    }

    static func run(_ setup: JSONValue) async throws -> Outcome {
        try await withTemporaryDirectory("credentials") { home in
            let routes = StubRoutes(setup["stub"])
            return try await StubServer.run(handler: { routes.answer($0) }) {
                try await run(setup, home: home.path, $0)
            }
        }
    }

    private static func run(_ setup: JSONValue, home: String, _ server: StubServer) async throws -> Outcome {
        let fill: @Sendable (String) -> String = {
            $0.replacingOccurrences(of: "{HOME}", with: home).replacingOccurrences(
                of: "{STUB}", with: server.url)
        }
        for (path, file) in setup["files"].object ?? [:] { try write(file, to: fill(path), fill) }
        var environment = (setup["env"].object ?? [:]).compactMapValues { $0.string.map(fill) }
        environment["HOME"] = home
        environment["PATH"] = "/usr/bin:/bin"
        let http = StubOnlyHTTP(stub: server.url)
        let context = CredentialContext(environment: environment, http: http, sleep: { _ in }, random: { 0.5 })
        let cache = CredentialCache(
            CredentialChain(context, profile: setup["explicit_profile"].string, allowInsecureEndpoint: true))
        var outcome = Outcome()
        do {
            outcome.credentials = try await cache.current()
        } catch let error as CredentialError {
            outcome.error = error
        }
        outcome.requests = server.requests
        outcome.hostsTried = http.hostsTried
        return outcome
    }

    private static func write(_ file: JSONValue, to path: String, _ fill: (String) -> String) throws {
        let manager = FileManager.default
        guard let text = file.string ?? file["text"].string else {
            return try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let folder = (path as NSString).deletingLastPathComponent
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(fill(text).utf8).write(to: URL(fileURLWithPath: path))
        if let mode = file["mode"].string.flatMap({ Int($0, radix: 8) }) {
            try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
    }

    /// What is wrong with an outcome; nothing if it is what was expected.
    static func differences(expected: JSONValue, _ actual: Outcome) -> [String] {
        var result: [String] = []
        func compare(_ what: String, _ wanted: String?, _ got: String?) {
            let (wanted, got) = (wanted ?? "", got ?? "")
            if wanted != got { result.append("\(what): expected \(wanted), got \(got)") }
        }
        compare("outcome", expected["outcome"].string, actual.name)
        if let error = actual.error, !result.isEmpty { result.append("\(error)") }
        if let credentials = actual.credentials {
            compare("access key", expected["access_key"].string, credentials.accessKeyID)
            compare("secret key", expected["secret_key"].string, credentials.secretAccessKey)
            compare("session token", expected["session_token"].string, credentials.sessionToken)
            if let account = expected["account_id"].string { compare("account", account, credentials.accountID) }
            result += expiration(expected["expires"].string, credentials.expiration)
        }
        if let hosts = expected["hosts_tried"].array {
            compare("hosts tried", "\(hosts.compactMap(\.string))", "\(actual.hostsTried)")
        }
        if let requests = expected["requests"].array { result += compareRequests(requests, actual.requests) }
        return result
    }

    private static func expiration(_ expected: String?, _ actual: Date?) -> [String] {
        if expected == "*" { return actual == nil ? ["expires: expected some time"] : [] }
        let wanted = expected.flatMap { Timestamp.iso8601($0) }
        // Within a second, for some expectations leave out the fraction.
        let isSame = wanted.map { abs($0.timeIntervalSince(actual ?? .distantPast)) < 1 } ?? (actual == nil)
        return isSame ? [] : ["expires: expected \(expected ?? "never"), got \(actual.map { "\($0)" } ?? "never")"]
    }

    private static func compareRequests(_ expected: [JSONValue], _ actual: [StubRequest]) -> [String] {
        let wanted = expected.map { "\($0["method"].string ?? "") \($0["path"].string ?? "")" }
        let got = actual.map { "\($0.method) \($0.uri)" }
        guard wanted == got else { return ["requests: expected \(wanted), got \(got)"] }
        return zip(expected, actual).flatMap { compareRequest($0, $1) }
    }

    private static func compareRequest(_ expected: JSONValue, _ actual: StubRequest) -> [String] {
        var result: [String] = []
        let form = actual.form
        for (name, value) in expected["form"].object ?? [:] {
            let isRight = value.string == "*" ? form[name]?.isEmpty == false : form[name] == value.string
            if !isRight { result.append("form \(name): expected \(value.string ?? ""), got \(form[name] ?? "none")") }
        }
        if let members = expected.object, members["signed_with"] != nil {
            let scope = actual.credentialScope
            if scope.first != expected["signed_with"].string { result.append("signed with \(scope)") }
            if let region = expected["signed_region"].string, scope.dropFirst(2).first != region {
                result.append("signed for \(scope)")
            }
        }
        for (name, value) in expected["headers"].object ?? [:] where value.string != "" {
            if actual.header(name) != value.string { result.append("header \(name): \(actual.header(name) ?? "none")") }
        }
        return result
    }
}

/// Answers as the routes of a vector say: the n-th request of a route with its n-th answer, the last one again and again.
private final class StubRoutes: Sendable {
    private let routes: [JSONValue]
    private let counts: NIOLockedValueBox<[Int]>

    init(_ stub: JSONValue) {
        routes = stub.array ?? []
        counts = NIOLockedValueBox(Array(repeating: 0, count: routes.count))
    }

    func answer(_ request: StubRequest) -> StubResponse {
        let index = routes.firstIndex { route in
            route["method"].string == request.method && route["path"].string == request.uri
                && (route["require_headers"].object ?? [:]).allSatisfy { request.header($0.key) == $0.value.string }
        }
        guard let index, let answers = routes[index]["respond"].array, !answers.isEmpty else { return .status(404) }
        let number = counts.withLockedValue { counts in
            counts[index] += 1
            return counts[index] - 1
        }
        let answer = answers[min(number, answers.count - 1)]
        var headers = (answer["headers"].object ?? [:]).map { ($0.key, $0.value.string ?? "") }
        // Time does not pass in these tests: the client is told that it has waited.
        if answer["hang"].bool == true { headers.append((StubOnlyHTTP.hangHeader, "2500")) }
        return .text(answer["body"].string ?? "", status: answer["status"].int ?? 200, headers: headers)
    }
}

/// Talks to the stub of a vector and to nobody else.
private final class StubOnlyHTTP: CredentialHTTP {
    /// Milliseconds that an answer is to be late.
    static let hangHeader = "x-stub-hang"

    private let stub: String
    private let tried = NIOLockedValueBox<[String]>([])

    init(stub: String) { self.stub = stub }

    var hostsTried: [String] { tried.withLockedValue { $0 } }

    func send(_ request: CredentialRequest) async throws -> CredentialResponse {
        var request = request
        let container = "http://169.254.170.2"
        if request.url == container || request.url.hasPrefix(container + "/") {
            request.url = stub + request.url.dropFirst(container.count)
        }
        guard request.url == stub || request.url.hasPrefix(stub + "/") else {
            let host = URLComponents(string: request.url)?.host?.trimmingCharacters(in: ["[", "]"]) ?? request.url
            tried.withLockedValue { if !$0.contains(host) { $0.append(host) } }
            throw CredentialHTTPError.unreachable("no route")
        }
        let limit = request.timeout
        request.timeout = .seconds(60)
        let response = try await AsyncCredentialHTTP().send(request)
        let late = response.headers.first { $0.name == Self.hangHeader }.flatMap { Int($0.value) } ?? 0
        if .milliseconds(late) > limit { throw CredentialHTTPError.timedOut }
        return response
    }
}

extension StubRequest {
    /// The body as an HTML form.
    fileprivate var form: [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1]).replacingOccurrences(of: "+", with: " ") : ""
            result[String(parts[0])] = value.removingPercentEncoding ?? value
        }
        return result
    }

    /// The key, day, region and service that the request is signed with; empty if it is not signed.
    fileprivate var credentialScope: [String] {
        guard let header = header("authorization"), let start = header.range(of: "Credential=") else { return [] }
        return header[start.upperBound...].prefix { $0 != "," }.split(separator: "/").map(String.init)
    }
}
