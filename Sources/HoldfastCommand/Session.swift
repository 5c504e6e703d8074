import Basics
import FoundationEssentials
import HTTPProxies
import Holdfast
import HoldfastLogging
import Logging
import ObjectStore
import Repository
import S3Store

/// A command at work on one memory: its settings, its store, and the way to the result.
struct Session: Sendable {
    let settings: Settings
    let location: MemoryLocation
    let store: any ObjectStore
    let meter: TransferMeter
    let progress = SyncProgress()
    let console: Console

    /// Opens the store of the settings for the time of a closure.
    /// - Parameter isTemporary: whether the store is not meant to last.
    /// - Throws: ``UsageError`` for settings that name no memory; else what opening or `body` throws.
    static func open<Result>(
        _ settings: Settings, _ console: Console, isTemporary: Bool = false,
        _ body: (Session) async throws -> Result
    ) async throws -> Result {
        let location = try location(settings)
        console.logger.debug(
            "Opening the memory",
            metadata: ["store": "\(settings.store)", "memory": "\(location)", "storage": "\(settings.storage)"])
        let meter = TransferMeter()
        switch settings.store {
        case .file(let directory):
            if console.world.isCI, !isTemporary {
                console.logger.warning(
                    "The store is a directory of this machine: in CI it is gone when the runner is",
                    metadata: ["store": "\(settings.store)"])
            }
            return try await body(
                Session(
                    settings: settings, location: location, store: FileObjectStore(root: directory, meter: meter),
                    meter: meter, console: console))
        case .s3(let bucket):
            let configuration = settings.s3Configuration(bucket)
            do { try configuration.check() } catch { throw settings.usageError(error) }
            for secret in settings.proxies.proxies.compactMap(\.secret) { console.conceal(secret) }
            return try await S3Store.withStore(
                configuration, credentials: settings.credentials(console), meter: meter,
                logger: console.logger
            ) { store in
                try await body(
                    Session(settings: settings, location: location, store: store, meter: meter, console: console))
            }
        }
    }

    /// The memory that the settings name.
    /// - Throws: ``UsageError`` if they name none.
    static func location(_ settings: Settings) throws -> MemoryLocation {
        guard let repository = settings.repository else { throw UsageError.noRepository }
        return try located("memory") {
            try MemoryLocation(prefix: settings.prefix, agent: settings.agent, repository: repository)
        }
    }

    var memory: Memory { memory() }

    /// The memory as another machine sees it, with directories of its own.
    /// - Parameters: each as in the settings if `nil`.
    ///   - other: whose memory it is instead.
    func memory(
        storage: String? = nil, stateDirectory: String? = nil, as other: AgentIdentity? = nil
    ) -> Memory {
        var options = Memory.Options(
            storage: storage ?? settings.storage, exclusions: settings.exclusions, concurrency: settings.concurrency,
            stateDirectory: stateDirectory ?? settings.stateDirectory, keepsMirror: settings.keepsMirror,
            writer: writerName(), run: workflowRun(console.world.environment))
        options.allowsShrinking = settings.allowsShrinking
        // Another storage directory has other databases.
        if storage == nil { options.database = console.world.environment["OPENCODE_DB"] }
        let location = other.map(location.with) ?? location
        return Memory(
            store: store, location: location, options: options, meter: meter, progress: progress, logger: console.logger
        )
    }

    var repository: Repository { memory.repository }

    /// Where the memory is, for people.
    var address: String { "\(settings.store)/\(location.key)" }
}

extension Settings {
    func s3Configuration(_ bucket: String) -> S3Configuration {
        S3Configuration(
            bucket: bucket,
            endpoint: S3EndpointOptions(
                region: region, endpoint: endpointURL, addressing: addressing,
                allowInsecureEndpoint: allowInsecureEndpoint),
            expectedBucketOwner: expectedBucketOwner, encryption: encryption, concurrency: concurrency,
            rateLimit: limitRate, attempts: attempts, trustRoots: trustRoots, proxies: proxies)
    }

    /// Says where the setting was made that no request can be sent with.
    func usageError(_ error: EndpointError) -> UsageError {
        // The variable is named there.
        if error.code == .proxy { return UsageError(error.message, hint: error.hint) }
        let setting: Setting =
            switch error.code {
            case .region: .region
            case .bucket: .store
            default: .endpointURL
            }
        let origin = report.first { $0.name == setting.rawValue }?.origin ?? ""
        return UsageError("\(origin): \(error.message)", hint: error.hint)
    }

    /// The role of the settings, else the credential chain of the AWS tools. Whatever it finds is kept out of all output.
    func credentials(_ console: Console) -> any CredentialSource {
        var context = CredentialContext(environment: console.world.environment)
        context.onResolve = { found in
            for secret in [found.accessKeyID, found.secretAccessKey, found.sessionToken].compactMap(\.self) {
                console.conceal(secret)
            }
        }
        context.onSecret = { console.conceal($0) }
        if let role {
            return CredentialCache(
                role, context: context, region: region, allowInsecureEndpoint: allowInsecureEndpoint)
        }
        return CredentialCache(
            CredentialChain(
                context, profile: awsProfile, region: region, allowInsecureEndpoint: allowInsecureEndpoint))
    }
}
