import ArgumentParser

/// How a command speaks.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print exactly one JSON object on standard output.") var json = false
    @Flag(name: [.short, .long], help: "Print errors only.") var quiet = false
    @Flag(name: [.short, .long], help: "Log each request and file.") var verbose: Int
    @Option(help: "How log lines look: text or json. Overrides HOLDFAST_LOG_FORMAT; json in CI, else text.")
    var logFormat: String?
    @Flag(help: "Show no progress bar; it is shown on terminals only.") var noProgress = false
    @Flag(help: "Use no colors. NO_COLOR does the same.") var noColor = false

    /// - Throws: ``UsageError`` for a format that does not exist.
    func isJSONLog(_ file: ConfigFile?, _ world: World) throws -> Bool {
        let given = logFormat ?? world.variable("HOLDFAST_LOG_FORMAT") ?? file?.values[.logFormat]
        switch given {
        case "json": return true
        case "text": return false
        case nil: return world.isCI && !world.errIsTerminal
        case let other?: throw UsageError("the log format is '\(other)'; it can be text or json")
        }
    }

    func colors(_ world: World) -> Bool { world.errIsTerminal && !noColor && world.variable("NO_COLOR") == nil }
}

/// Which memory, in which store. Each option stands above its environment variable, the config file and the default.
struct MemoryOptions: ParsableArguments {
    @Option(help: "A YAML file with settings, named like these options.") var config: String?
    @Option(help: "s3://BUCKET or file:///DIR. Overrides HOLDFAST_STORE.") var store: String?
    @Option(help: "What the keys start with. Overrides HOLDFAST_PREFIX.") var prefix: String?
    @Option(help: "Whose memory: github, discord, … Overrides HOLDFAST_AGENT.") var agent: String?
    @Option(help: "OWNER/NAME. Overrides HOLDFAST_REPO, GITHUB_REPOSITORY and git's origin.") var repo: String?
    @Option(help: "The agent's storage directory. Overrides HOLDFAST_STORAGE.") var storage: String?
    @Option(help: "Take files that are left out by default, by pattern; may be repeated.") var include: [String] = []
    @Flag(inversion: .prefixedNo, help: "Keep one object for each file. Overrides HOLDFAST_MIRROR.") var mirror: Bool?
    @Option(help: "Region of the bucket. Overrides AWS_REGION, AWS_DEFAULT_REGION and the profile.") var region: String?
    @Option(help: "URL of another store than AWS. Overrides AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL.")
    var endpointURL: String?
    @Option(help: "Where the bucket's name goes: auto, path or virtual.") var addressing: String?
    @Option(help: "The 12-digit account that must own the bucket.") var expectedBucketOwner: String?
    @Option(help: "Encryption by the store: none, AES256 or aws:kms.") var sse: String?
    @Option(name: .customLong("sse-kms-key-id"), help: "The key for --sse aws:kms.") var sseKMSKeyID: String?
    @Flag(inversion: .prefixedNo, help: "Allow http, loopback and private addresses.") var allowInsecureEndpoint: Bool?
    @Option(help: "Profile of ~/.aws/config and ~/.aws/credentials. Overrides HOLDFAST_AWS_PROFILE.") var awsProfile:
        String?
    @Option(help: "Transfers at once, 1 to 256.") var concurrency: String?
    @Option(help: "Bytes in a second, such as 500K or 10M.") var limitRate: String?

    /// The options that were given.
    var given: [Setting: String] {
        var flags: [Setting: String] = [
            .store: store, .prefix: prefix, .agent: agent, .repo: repo, .storage: storage, .region: region,
            .endpointURL: endpointURL, .addressing: addressing, .expectedBucketOwner: expectedBucketOwner, .sse: sse,
            .sseKMSKeyID: sseKMSKeyID, .awsProfile: awsProfile, .concurrency: concurrency, .limitRate: limitRate,
        ].compactMapValues(\.self)
        if !include.isEmpty { flags[.include] = include.joined(separator: ",") }
        if let mirror { flags[.mirror] = "\(mirror)" }
        if let allowInsecureEndpoint { flags[.allowInsecureEndpoint] = "\(allowInsecureEndpoint)" }
        return flags
    }
}
