import Basics
import FoundationEssentials
import Glibc
import Hummingbird
import Logging
import NIOCore
import Repository
import ServiceLifecycle

/// Serves the health of watched memories: `/healthz`, `/readyz`, `/metrics` for machines, and pages for people. For reading
/// only; it stops when its service group does.
public struct StatusServer: Service {
    /// Where it listens and who may read.
    public struct Options: Sendable {
        public var address: HTTPAddress
        public var token: AccessToken?
        /// The version of the program.
        public var version: String
        /// Takes credentials out of messages of others.
        public var redact: @Sendable (String) -> String

        public init(
            address: HTTPAddress, token: AccessToken? = nil, version: String,
            redact: @escaping @Sendable (String) -> String = { $0 }
        ) {
            self.address = address
            self.token = token
            self.version = version
            self.redact = redact
        }
    }

    /// Why it does not serve.
    public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
        public let hint: String
        /// What was asked for makes no sense, whatever the system says.
        public let isUsage: Bool
    }

    /// Connections at once: a page is for a few readers.
    private static let mostConnections = 64
    /// How long a connection may say nothing.
    private static let idleTimeout = TimeAmount.seconds(30)

    let options: Options
    private let application: Application<RouterResponder<BasicRequestContext>>

    /// - Parameters:
    ///   - board: the health that the watchers write.
    ///   - repositories: the snapshots of each memory, by its id on the board, in the order in which they are shown.
    ///   - onListening: is told the port, once it is open.
    /// - Throws: ``Failure`` for an address that others reach, without a token.
    public init(
        _ options: Options, board: HealthBoard, repositories: [(id: String, repository: Repository)], logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(Failure) {
        guard options.address.isLoopback || options.token != nil else {
            throw Failure(
                description: "'\(options.address)' can be reached from other machines, and no token is set",
                hint: "Listen on 127.0.0.1 or [::1], or set --http-token.", isUsage: true)
        }
        self.options = options
        let site = Site(
            board: board,
            memories: repositories.map { ShownMemory(id: $0.id, reader: SnapshotReader($0.repository)) },
            version: options.version, redact: options.redact, now: { Date() })
        application = Self.application(site, options, logger, onListening)
    }

    static func application(
        _ site: Site, _ options: Options, _ logger: Logger, _ onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> Application<RouterResponder<BasicRequestContext>> {
        let rules = AccessRules(isLoopback: options.address.isLoopback, token: options.token)
        let registry = MetricsRegistry(help: HealthMetrics.help)
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: Gate(rules: rules, site: site, metrics: registry, logger: logger))
        StatusRoutes(
            site: site, rules: rules, registry: registry,
            metrics: HealthMetrics(factory: registry, version: options.version)
        ).add(to: router)
        var quiet = logger
        // What the server says of each connection is of no use to who watches memories.
        quiet.logLevel = max(logger.logLevel, .warning)
        return Application(
            router: router, server: .http1(configuration: .init(idleTimeout: idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(options.address.host, port: options.address.port),
                availableConnectionsDelegate: .maximum(mostConnections, logger: quiet)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? options.address.port
                logger.info("The status page is open", metadata: ["port": "\(port)"])
                onListening(port)
            },
            logger: quiet)
    }

    /// Serves until the service group stops.
    /// - Throws: ``Failure`` where the port is taken or must not be used.
    public func run() async throws {
        do { try await application.run() } catch let error as IOError {
            let reason =
                switch error.errnoCode {
                case EADDRINUSE: "another program listens there"
                case EACCES: "this user may not listen there"
                case EADDRNOTAVAIL: "this machine has no such address"
                default: error.description
                }
            throw Failure(
                description: "the status page cannot be served at \(options.address): \(reason)",
                hint: "Choose another address with --http, or stop the other program.", isUsage: false)
        }
    }
}

extension StatusServer.Failure: FailureConvertible {
    public var failure: Basics.Failure { Basics.Failure(code: .statusPage, message: description, hint: hint) }
}
