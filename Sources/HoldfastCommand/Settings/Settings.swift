import AgentFiles
import Basics
import FoundationEssentials
import HTTPProxies
import Holdfast
import S3Store

/// The settings of a command after precedence has been applied, parsed and checked.
struct Settings: Sendable {
    var store: StoreURL
    var prefix: String
    var agent: AgentIdentity
    /// `nil` where neither an option nor the surroundings name one.
    var repository: String?
    var storage: String
    var exclusions: Exclusions
    /// Keep one object for each file beside the packs.
    var keepsMirror: Bool
    var region: String
    var endpointURL: String?
    var addressing: S3EndpointOptions.Addressing
    var allowInsecureEndpoint: Bool
    var expectedBucketOwner: String?
    var encryption: S3Configuration.ServerSideEncryption
    var awsProfile: String?
    var concurrency: Int
    var limitRate: Int?
    var attempts: Int
    var trustRoots: String?
    /// Which requests go through a proxy.
    var proxies: ProxyRules
    /// In which order `restore` asks the cache and the store.
    var restorePolicy: RestorePolicy
    /// Whose memory seeds an empty one.
    var shareFrom: [AgentIdentity]
    /// Use the Actions cache where there is one.
    var usesCache: Bool
    /// Trouble with the store makes `save` and `restore` fail.
    var isStrict: Bool
    /// Removals go through, however many they are.
    var allowsShrinking: Bool
    /// Nobody has named a store.
    var isDefaultStore: Bool
    var stateDirectory: String
    /// Where the copies for the Actions cache are.
    var cacheDirectory: String
    /// The role that a job of GitHub Actions assumes for the store; `nil` for the credentials that the environment has.
    var role: GitHubRole?
    /// Each setting with its value and origin, for `holdfast config`.
    var report: [Line]

    struct Line: Sendable, Equatable {
        let name: String
        let value: String?
        let origin: String
    }

    /// Resolves all settings.
    /// - Parameter names: what messages call an option, where it is not one of the command line.
    /// - Throws: ``UsageError`` for a value that cannot be used, with where it came from.
    static func resolve(
        _ flags: [Setting: String], names: [Setting: String] = [:], file: ConfigFile?, world: World
    ) async throws -> Settings {
        let data = world.baseDirectory("XDG_DATA_HOME", fallback: ".local/share")
        let defaults: [Setting: String] = [
            .store: "file://\(data)/holdfast/store", .prefix: "opencode-storage",
            .agent: world.variable("GITHUB_ACTIONS") == "true" ? "github" : "local",
            .storage: "\(data)/opencode/storage", .addressing: "auto", .sse: "none", .mirror: "true",
            .allowInsecureEndpoint: "false", .concurrency: "32",
            .restorePolicy: RestorePolicy.newest.rawValue, .cache: "true", .strict: "false",
            .allowShrink: "false",
            .logFormat: world.logsJSONByDefault ? "json" : "text",
        ]
        let sources = SettingSources(flags: flags, names: names, world: world, file: file, defaults: defaults)
        let values = SettingValues(sources: sources)
        let profile = values.text(.awsProfile)
        let region = try await regionSetting(values, profile: profile, world: world)
        let repository = try await repositorySetting(values, world: world)
        var settings = Settings(
            store: try values.parse(.store) { try StoreURL($0).resolved(world) },
            prefix: try values.parse(.prefix) { try checkedPrefix($0) },
            agent: try values.parse(.agent) { try AgentIdentity($0) },
            repository: repository?.value,
            // In one spelling: what was synchronised last is remembered for this path.
            storage: world.absolute(try values.required(.storage)),
            exclusions: try values.exclusions(),
            keepsMirror: try values.flag(.mirror),
            region: region.value ?? "us-east-1",
            endpointURL: values.text(.endpointURL),
            addressing: try values.choice(.addressing, S3EndpointOptions.Addressing.self),
            allowInsecureEndpoint: try values.flag(.allowInsecureEndpoint),
            expectedBucketOwner: try values.owner(),
            encryption: try values.encryption(),
            awsProfile: profile,
            concurrency: try values.number(.concurrency, in: 1...256) ?? 32,
            limitRate: try values.rate(),
            attempts: try attempts(world),
            trustRoots: world.variable("AWS_CA_BUNDLE"),
            proxies: ProxyRules(environment: world.environment),
            restorePolicy: try values.choice(.restorePolicy, RestorePolicy.self),
            shareFrom: try values.agents(.shareFrom),
            usesCache: try values.flag(.cache),
            isStrict: try values.flag(.strict),
            allowsShrinking: try values.flag(.allowShrink),
            isDefaultStore: sources.value(.store)?.origin == "default",
            stateDirectory: world.baseDirectory("XDG_STATE_HOME", fallback: ".local/state") + "/holdfast",
            cacheDirectory: world.baseDirectory("XDG_CACHE_HOME", fallback: ".cache") + "/holdfast/actions",
            report: [])
        settings.report = Setting.allCases.map { setting in
            let unset = Line(name: setting.rawValue, value: nil, origin: "not set")
            return switch setting {
            case .region: region
            case .repo: repository ?? unset
            case .storage: Line(name: "storage", value: settings.storage, origin: sources.value(.storage)?.origin ?? "")
            case .awsProfile: profileLine(sources, world) ?? unset
            default:
                sources.value(setting).map { Line(name: setting.rawValue, value: $0.text, origin: $0.origin) } ?? unset
            }
        }
        settings.report += surroundings(settings, world)
        return settings
    }

    /// What is set by the environment alone.
    private static func surroundings(_ settings: Settings, _ world: World) -> [Line] {
        let attempts = world.variable("AWS_MAX_ATTEMPTS")
        return [
            Line(
                name: "attempts", value: "\(settings.attempts)",
                origin: attempts == nil ? "default" : "AWS_MAX_ATTEMPTS"),
            Line(
                name: "ca-bundle", value: settings.trustRoots,
                origin: settings.trustRoots == nil ? "not set" : "AWS_CA_BUNDLE"),
            proxyLine(settings),
            Line(
                name: "state-directory", value: settings.stateDirectory,
                origin: world.variable("XDG_STATE_HOME")?.hasPrefix("/") == true ? "XDG_STATE_HOME" : "default"),
            Line(
                name: "cache-directory", value: settings.cacheDirectory,
                origin: world.variable("XDG_CACHE_HOME")?.hasPrefix("/") == true ? "XDG_CACHE_HOME" : "default"),
        ]
    }

    /// The proxy on the way to the store.
    private static func proxyLine(_ settings: Settings) -> Line {
        guard case .s3(let bucket) = settings.store else { return Line(name: "proxy", value: nil, origin: "not set") }
        do throws(EndpointError) {
            let proxy = try settings.s3Configuration(bucket).proxy()
            return Line(name: "proxy", value: proxy?.description, origin: proxy?.variable ?? "not set")
        } catch {
            // It is told in full by the command that needs it.
            let problem = error.code == .proxy ? error.message : "not set"
            return Line(name: "proxy", value: nil, origin: problem)
        }
    }

    /// The profile in force, also where the variables of the AWS tools choose it.
    private static func profileLine(_ sources: SettingSources, _ world: World) -> Line? {
        if let given = sources.value(.awsProfile) {
            return Line(name: "aws-profile", value: given.text, origin: given.origin)
        }
        return ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"].lazy
            .compactMap { name in
                world.variable(name).map { Line(name: "aws-profile", value: $0, origin: name) }
            }.first
    }

    private static func checkedPrefix(_ text: String) throws -> String {
        // Only the prefix is looked at here.
        try MemoryLocation(prefix: text, agent: .local, repository: "owner/name").prefix
    }

    private static func checkedRepository(_ text: String) throws -> String {
        try MemoryLocation(prefix: "prefix", agent: .local, repository: text).repository
    }

    private static func attempts(_ world: World) throws -> Int {
        guard let text = world.variable("AWS_MAX_ATTEMPTS") else { return 6 }
        guard let number = Int(text), (1...100).contains(number) else {
            throw UsageError("AWS_MAX_ATTEMPTS is '\(text)', not a number from 1 to 100")
        }
        return number
    }

    private static func repositorySetting(_ values: SettingValues, world: World) async throws -> Line? {
        if let given = values.sources.value(.repo) {
            let name = try values.parse(.repo) { try checkedRepository($0) }
            return Line(name: "repo", value: name, origin: given.origin)
        }
        guard let origin = await world.gitOrigin(), let name = repositoryName(ofRemote: origin) else { return nil }
        return Line(
            name: "repo", value: try located("git remote origin") { try checkedRepository(name) },
            origin: "git remote origin")
    }

    private static func regionSetting(_ values: SettingValues, profile: String?, world: World) async throws -> Line {
        if let given = values.sources.value(.region) {
            return Line(name: "region", value: given.text, origin: given.origin)
        }
        // The profile matters only for S3; a broken file of the AWS tools must not stop a local store.
        guard case .s3? = try? StoreURL(values.required(.store)) else {
            return Line(name: "region", value: "us-east-1", origin: "default")
        }
        let context = CredentialContext(environment: world.environment)
        do {
            if let found = try await AWSProfile.load(context, name: profile).region {
                return Line(name: "region", value: found.value, origin: found.origin)
            }
        } catch let error as CredentialError {
            // The files of the AWS tools are settings like others.
            throw UsageError(error.problem, hint: error.advice)
        }
        return Line(name: "region", value: "us-east-1", origin: "default")
    }
}
