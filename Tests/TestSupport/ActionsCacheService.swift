import Foundation
import NIOConcurrencyHelpers
import NIOCore

/// GitHub's cache service v2 on loopback, as far as clients see it: the control plane (Twirp) with scopes, reservations
/// and late visibility, and block blobs behind signed addresses that expire.
///
///     try await ActionsCacheService.run { service in
///         let environment = service.environment(workspace: …, temporary: …)
///         service.script(.create, [.status(503)])
///         …
///         #expect(service.requests(.create).count == 2)
///     }
public final class ActionsCacheService: Sendable {
    public let server: StubServer
    let state: NIOLockedValueBox<ActionsCacheServiceState>

    private init(_ server: StubServer, _ state: NIOLockedValueBox<ActionsCacheServiceState>) {
        (self.server, self.state) = (server, state)
    }

    /// Runs a service for as long as `body` runs.
    @discardableResult
    public static func run<Result>(
        _ behaviour: ActionsCacheBehaviour = ActionsCacheBehaviour(),
        _ body: (ActionsCacheService) async throws -> Result
    ) async throws -> Result {
        let state = NIOLockedValueBox(ActionsCacheServiceState(behaviour))
        return try await StubServer.run(handler: { request in
            state.withLockedValue { $0.enter(request) }
            let answer = state.withLockedValue { $0.answer(request) }
            // Held a moment in which others may arrive, so that those at work at once can be counted.
            await Task.yield()
            state.withLockedValue { $0.leave() }
            return answer
        }) { server in
            state.withLockedValue { $0.origin = server.url }
            return try await body(ActionsCacheService(server, state))
        }
    }

    /// What the runner tells an action about this service.
    /// - Parameters:
    ///   - token: one of ``token(_:)``; that of a push to `main` if `nil`.
    ///   - workspace: an existing directory.
    ///   - temporary: where archives are made.
    public func environment(token: String? = nil, workspace: String, temporary: String) -> [String: String] {
        [
            "ACTIONS_RESULTS_URL": "\(server.url)/", "ACTIONS_CACHE_SERVICE_V2": "True",
            "ACTIONS_RUNTIME_TOKEN": token ?? self.token(), "GITHUB_REF": "refs/heads/main",
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_WORKSPACE": workspace, "RUNNER_TEMP": temporary,
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
        ]
    }

    /// Who may do what: 1 to read, 2 to write, 3 both.
    public struct Scope: Sendable, Encodable, Equatable {
        public let scope: String
        public let permission: Int

        public init(_ scope: String, _ permission: Int) { (self.scope, self.permission) = (scope, permission) }

        enum CodingKeys: String, CodingKey { case scope = "Scope", permission = "Permission" }
    }

    /// Makes a token that the service accepts.
    /// - Parameter scopes: the run's own first, then those that it may read beside it.
    public func token(_ scopes: [Scope] = [Scope("refs/heads/main", 3)]) -> String {
        let token = Self.unknownToken(scopes)
        state.withLockedValue { $0.tokens[token] = scopes }
        return token
    }

    /// A token of the right form that the service does not know.
    public static func unknownToken(_ scopes: [Scope]) -> String {
        let list = (try? JSONEncoder().encode(scopes)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
        let payload = (try? JSONEncoder().encode(["ac": list, "jti": UUID().uuidString])) ?? Data()
        return [Data(#"{"alg":"none"}"#.utf8), payload, Data("signature".utf8)].map(base64URL).joined(separator: ".")
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// Answers the next calls of a kind by these faults, one each; ``ActionsCacheFault/none`` lets one through.
    public func script(_ call: ActionsCacheCall, _ faults: [ActionsCacheFault]) {
        state.withLockedValue { $0.faults[call, default: []] += faults }
    }

    /// Changes how the service behaves from now on.
    public func configure(_ change: (inout ActionsCacheBehaviour) -> Void) {
        state.withLockedValue { change(&$0.behaviour) }
    }

    /// Lets time pass for the addresses that the service has signed.
    public func advance(seconds: Int) { state.withLockedValue { $0.time += seconds } }

    /// What arrived, in order. No header of it holds the token.
    public var requests: [ActionsCacheRequest] { state.withLockedValue { $0.log } }
    public func requests(_ call: ActionsCacheCall) -> [ActionsCacheRequest] { requests.filter { $0.call == call } }
    /// The most requests that were at work at once.
    public var mostAtOnce: Int { state.withLockedValue { $0.mostAtOnce } }

    /// The finished entries, the oldest first.
    public var entries: [(key: String, version: String, scope: String, bytes: [UInt8])] {
        state.withLockedValue { state in
            state.entries.filter(\.isFinalized).map { entry in
                let content = state.blobs.blobs[entry.blob]?.content ?? ByteBuffer()
                return (entry.key, entry.version, entry.scope, Array(content.readableBytesView))
            }
        }
    }

    /// Stores an entry as another client would have.
    public func put(_ bytes: [UInt8], key: String, version: String, scope: String = "refs/heads/main") {
        state.withLockedValue { $0.put(bytes, key: key, version: version, scope: scope) }
    }

    /// An address for uploading a new blob, and one for reading it, for clients of the blob plane alone.
    public func signedAddresses(blob: String) -> (upload: String, download: String) {
        state.withLockedValue { state in
            (state.signed(blob, "cw", lifetime: 3600), state.signed(blob, "r", lifetime: 600))
        }
    }
}

/// A request as the service saw it.
public struct ActionsCacheRequest: Sendable {
    public let call: ActionsCacheCall
    public let method: String
    public let path: String
    /// Still encoded.
    public let query: String
    public let headers: [(name: String, value: String)]
    public let bodyLength: Int
    public let body: String

    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
