import Basics
import Holdfast
import HoldfastActions
import S3Store

/// What the inputs of the action ask for, in the words of the command's own settings.
struct ActionRequest: Sendable {
    /// As if they had been given as options.
    let flags: [Setting: String]
    /// The role whose credentials are used for the store; `nil` for what the environment has.
    let role: GitHubRole?
    /// Whether the post phase saves.
    let saves: Bool

    /// The input behind each setting, for messages.
    static let names: [Setting: String] = [
        .store: "s3-bucket", .region: "s3-region", .prefix: "s3-prefix", .endpointURL: "s3-endpoint",
        .allowInsecureEndpoint: "s3-allow-insecure-endpoint", .expectedBucketOwner: "s3-expected-bucket-owner",
        .sse: "s3-sse-encryption", .sseKMSKeyID: "s3-sse-kms-key-id", .mirror: "s3-mirror", .agent: "agent-identity",
        .restorePolicy: "restore-policy", .shareFrom: "share-from", .storage: "storage-path",
        .strict: "fail-on-error", .allowShrink: "allow-shrink",
    ]

    /// - Parameter home: what `~` stands for in a path: no shell has looked at an input.
    /// - Throws: ``UsageError`` for inputs that cannot be used.
    init(_ inputs: ActionInputs, home: String) throws {
        do {
            var flags: [Setting: String] = [:]
            for setting in [Setting.agent, .restorePolicy, .storage] {
                flags[setting] = Self.names[setting].flatMap { inputs.text($0) }
            }
            if let path = flags[.storage], path == "~" || path.hasPrefix("~/") {
                flags[.storage] = home + path.dropFirst()
            }
            let sources = inputs.list("share-from")
            if !sources.isEmpty { flags[.shareFrom] = sources.joined(separator: ",") }
            if let isStrict = try inputs.flag("fail-on-error") { flags[.strict] = "\(isStrict)" }
            if try inputs.flag("allow-shrink") == true { flags[.allowShrink] = "true" }
            saves = try inputs.flag("save") ?? true
            // Wrong inputs are told even where they do not count.
            let store = try Self.store(inputs)
            let role = try Self.role(inputs)
            let isEnabled = try inputs.flag("s3-backup") ?? false
            if isEnabled { flags.merge(store) { $1 } }
            guard !isEnabled || flags[.store] != nil else {
                throw UsageError(
                    "s3-bucket required when s3-backup is enabled", hint: "Set s3-bucket, or leave s3-backup out.")
            }
            self.role = isEnabled ? role : nil
            self.flags = flags
        } catch let error as InputError {
            throw UsageError(error.description, hint: error.hint)
        }
    }

    private static func store(_ inputs: ActionInputs) throws -> [Setting: String] {
        let settings: [Setting] = [.region, .prefix, .endpointURL, .expectedBucketOwner, .sse, .sseKMSKeyID]
        var flags: [Setting: String] = [:]
        for setting in settings { flags[setting] = names[setting].flatMap { inputs.text($0) } }
        flags[.store] = inputs.text("s3-bucket").map { "s3://\($0)" }
        for setting in [Setting.mirror, .allowInsecureEndpoint] {
            if let name = names[setting], let value = try inputs.flag(name) { flags[setting] = "\(value)" }
        }
        return flags
    }

    private static func role(_ inputs: ActionInputs) throws -> GitHubRole? {
        // The bounds of the Security Token Service.
        let duration = try inputs.number("role-duration-seconds", in: 900...43_200)
        guard let arn = inputs.text("role-to-assume") else { return nil }
        var role = GitHubRole(arn: arn, sessionName: inputs.text("role-session-name"), duration: duration)
        if let audience = inputs.text("audience") { role.audience = audience }
        return role
    }
}
