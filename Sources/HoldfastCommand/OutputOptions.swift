import ArgumentParser

extension ArgumentHelp {
    /// Help that shows what kind of value an option takes.
    fileprivate static func value(_ name: String, _ text: String) -> ArgumentHelp {
        ArgumentHelp("\(text)", valueName: name)
    }
}

/// How a command speaks.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print exactly one JSON object on standard output.") var json = false
    @Flag(name: [.short, .long], help: "Print errors only.") var quiet = false
    @Flag(name: [.short, .long], help: "Log every file, and every request that is sent again.") var verbose: Int
    @Option(
        help: .value(
            "format", "How log lines look: text or json. Overrides HOLDFAST_LOG_FORMAT; json in CI, else text."))
    var logFormat: String?
    @Flag(help: "Show no progress bar; it is shown on terminals only.") var noProgress = false
    @Flag(help: "Use no colors; NO_COLOR does the same.") var noColor = false

    /// - Throws: ``UsageError`` for a format that does not exist.
    func isJSONLog(_ file: ConfigFile?, _ world: World) throws -> Bool {
        let places = [
            ("--log-format", logFormat), ("HOLDFAST_LOG_FORMAT", world.variable("HOLDFAST_LOG_FORMAT")),
            ("log-format in \(file?.path ?? "")", file?.values[.logFormat]),
        ]
        guard let (place, given) = places.first(where: { $0.1 != nil }) else { return world.logsJSONByDefault }
        switch given {
        case "json": return true
        case "text": return false
        default: throw UsageError("\(place) is '\(given ?? "")'; it must be one of text, json")
        }
    }

    func colors(_ world: World) -> Bool { world.errIsTerminal && !noColor && world.variable("NO_COLOR") == nil }
}

/// Which memory, in which store. Each option stands above its environment variable, the config file and the default.
struct MemoryOptions: ParsableArguments {
    @Option(help: .value("file", "A YAML file with settings, named like these options.")) var config: String?
    @Option(help: .value("url", "s3://BUCKET or file:///DIR. Overrides HOLDFAST_STORE.")) var store: String?
    @Option(help: "What the keys start with. Overrides HOLDFAST_PREFIX.") var prefix: String?
    @Option(help: .value("name", "Whose memory: github, discord, … Overrides HOLDFAST_AGENT.")) var agent: String?
    @Option(help: .value("owner/name", "OWNER/NAME. Overrides HOLDFAST_REPO, GITHUB_REPOSITORY and git's origin."))
    var repo: String?
    @Option(help: .value("dir", "The agent's storage directory. Overrides HOLDFAST_STORAGE.")) var storage: String?
    @Option(help: .value("glob", "Take files that are left out by default, by pattern; may be repeated.")) var include:
        [String] = []
    @Option(help: .value("glob", "Leave files and databases out, by pattern; may be repeated.")) var exclude: [String] =
        []
    @Flag(inversion: .prefixedNo, help: "Keep one object for each file. Overrides HOLDFAST_MIRROR.") var mirror: Bool?
    @Flag(
        inversion: .prefixedNo,
        help: "Let removals through that are most of the sessions or files. Overrides HOLDFAST_ALLOW_SHRINK.")
    var allowShrink: Bool?
    @Option(help: "Region of the bucket. Overrides AWS_REGION, AWS_DEFAULT_REGION and the profile.") var region: String?
    @Option(help: .value("url", "URL of another store than AWS. Overrides AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL."))
    var endpointURL: String?
    @Option(help: .value("style", "Where the bucket's name goes: auto, path or virtual.")) var addressing: String?
    @Option(help: .value("account", "The 12-digit account that must own the bucket.")) var expectedBucketOwner: String?
    @Option(help: .value("kind", "Encryption by the store: none, AES256 or aws:kms.")) var sse: String?
    @Option(name: .customLong("sse-kms-key-id"), help: .value("id", "The key for --sse aws:kms.")) var sseKMSKeyID:
        String?
    @Flag(inversion: .prefixedNo, help: "Allow http, loopback and private addresses.") var allowInsecureEndpoint: Bool?
    @Option(help: .value("name", "Profile of ~/.aws/config and ~/.aws/credentials. Overrides HOLDFAST_AWS_PROFILE."))
    var awsProfile: String?
    @Option(help: .value("n", "Transfers at once, 1 to 256.")) var concurrency: String?
    @Option(help: .value("bytes", "Bytes in a second, such as 500K or 10M.")) var limitRate: String?

    /// The options that were given.
    var given: [Setting: String] {
        var flags: [Setting: String] = [
            .store: store, .prefix: prefix, .agent: agent, .repo: repo, .storage: storage, .region: region,
            .endpointURL: endpointURL, .addressing: addressing, .expectedBucketOwner: expectedBucketOwner, .sse: sse,
            .sseKMSKeyID: sseKMSKeyID, .awsProfile: awsProfile, .concurrency: concurrency, .limitRate: limitRate,
        ].compactMapValues(\.self)
        if !include.isEmpty { flags[.include] = include.joined(separator: ",") }
        if !exclude.isEmpty { flags[.exclude] = exclude.joined(separator: ",") }
        if let mirror { flags[.mirror] = "\(mirror)" }
        if let allowShrink { flags[.allowShrink] = "\(allowShrink)" }
        if let allowInsecureEndpoint { flags[.allowInsecureEndpoint] = "\(allowInsecureEndpoint)" }
        return flags
    }
}
