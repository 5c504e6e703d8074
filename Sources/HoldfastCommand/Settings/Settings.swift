import AgentState
import FoundationEssentials
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
    var stateDirectory: String
    /// Each setting with its value and origin, for `holdfast config`.
    var report: [Line]

    struct Line: Sendable, Equatable {
        let name: String
        let value: String?
        let origin: String
    }

    /// Resolves all settings.
    /// - Throws: ``UsageError`` for a value that cannot be used, with where it came from.
    static func resolve(_ flags: [Setting: String], file: ConfigFile?, world: World) async throws -> Settings {
        let data = world.baseDirectory("XDG_DATA_HOME", fallback: ".local/share")
        let defaults: [Setting: String] = [
            .store: "file://\(data)/holdfast/store", .prefix: "opencode-storage",
            .agent: world.variable("GITHUB_ACTIONS") == "true" ? "github" : "local",
            .storage: "\(data)/opencode/storage", .addressing: "auto", .sse: "none", .mirror: "true",
            .allowInsecureEndpoint: "false", .concurrency: "32",
        ]
        let sources = SettingSources(flags: flags, world: world, file: file, defaults: defaults)
        let values = SettingValues(sources: sources)
        let profile = values.text(.awsProfile)
        let region = try await regionSetting(values, profile: profile, world: world)
        let repository = await repositorySetting(values, world: world)
        try values.requireMirror()
        var settings = Settings(
            store: try values.parse(.store) { try StoreURL($0) },
            prefix: try values.required(.prefix),
            agent: try values.parse(.agent) { try AgentIdentity($0) },
            repository: repository?.value,
            storage: try values.required(.storage),
            exclusions: try values.exclusions(),
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
            stateDirectory: world.baseDirectory("XDG_STATE_HOME", fallback: ".local/state") + "/holdfast",
            report: [])
        settings.report = Setting.allCases.compactMap { setting in
            switch setting {
            case .region: region
            case .repo: repository ?? Line(name: "repo", value: nil, origin: "not set")
            default:
                sources.value(setting).map { Line(name: setting.rawValue, value: $0.text, origin: $0.origin) }
                    ?? Line(name: setting.rawValue, value: nil, origin: "not set")
            }
        }
        return settings
    }

    private static func attempts(_ world: World) throws -> Int {
        guard let text = world.variable("AWS_MAX_ATTEMPTS") else { return 6 }
        guard let number = Int(text), (1...100).contains(number) else {
            throw UsageError("AWS_MAX_ATTEMPTS is '\(text)', not a number from 1 to 100")
        }
        return number
    }

    private static func repositorySetting(_ values: SettingValues, world: World) async -> Line? {
        if let given = values.sources.value(.repo) {
            return Line(name: "repo", value: given.text, origin: given.origin)
        }
        guard let origin = await world.gitOrigin(), let name = repositoryName(ofRemote: origin) else { return nil }
        return Line(name: "repo", value: name, origin: "git remote origin")
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
        if let found = try await AWSProfile.load(context, name: profile).region {
            return Line(name: "region", value: found.value, origin: found.origin)
        }
        return Line(name: "region", value: "us-east-1", origin: "default")
    }
}
