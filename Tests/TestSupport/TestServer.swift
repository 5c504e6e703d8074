import Foundation

/// A running server, with one bucket that all tests share: each test works below a ``prefix()`` of its own.
public struct TestServer: Sendable, Decodable {
    /// An access key and its secret.
    public struct Identity: Sendable, Decodable {
        public let accessKey: String
        public let secretKey: String
    }

    /// The identities that some servers have beside the one that may do everything.
    public struct Identities: Sendable, Decodable {
        public let full: Identity
        /// May read, write and delete objects, but not list them.
        public let noList: Identity?
        /// May read and list.
        public let readOnly: Identity?
        /// May read, write and list below `prefix/` only.
        public let prefixOnly: Identity?
        /// May do nothing.
        public let none: Identity?
    }

    public let kind: TestServerKind
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    public let url: String
    public let region: String
    public let bucket: String
    public let identities: Identities
    /// The server's data and its log; they go when the server goes.
    public let directory: String
    /// What the server printed.
    public let log: String

    public var traits: ServerTraits { kind.traits }

    /// A fresh prefix without a slash at the end, so that tests that run at once do not meet.
    public func prefix(_ name: String = "test") -> String {
        "\(name)-\(UUID().uuidString.lowercased())"
    }

    /// The one server of a kind that all suites of this process share; started when it is first asked for.
    ///
    /// It is killed when this process ends, however that happens.
    /// - Throws: ``TestServerError``, also when the server is not installed: never a reason to skip a test.
    public static func shared(_ kind: TestServerKind) async throws -> TestServer {
        try await TestServers.shared.server(kind)
    }
}

/// Why a server cannot be used, and what to do.
public struct TestServerError: Error, CustomStringConvertible {
    public let description: String

    init(_ kind: TestServerKind, _ reason: String) {
        description = "the test server '\(kind.rawValue)' cannot be used: \(reason)"
    }
}

/// Keeps the servers of this process; one start of each, however many tests ask at once.
private actor TestServers {
    static let shared = TestServers()

    private var starting: [TestServerKind: Task<TestServerProcess, any Error>] = [:]

    func server(_ kind: TestServerKind) async throws -> TestServer {
        // Unstructured, since the server outlives the test that happens to be first: that one's cancellation must not
        // fail the others.
        let start = starting[kind] ?? Task { try await TestServerProcess.start(kind) }
        starting[kind] = start
        return try await start.value.server
    }
}
