import S3Store

/// Where the memory is kept in S3: `S3Config` of RFC-019 §2, and what real stores need beyond it.
public struct S3Config: Sendable {
    /// Without it every operation returns at once with zeroes.
    public var enabled: Bool
    public var bucket: String
    public var region: String
    public var prefix: String
    /// From the environment, a profile or the machine's role if not given.
    public var accessKeyID: String?
    public var secretAccessKey: String?
    public var sessionToken: String?
    /// The URL of another store than AWS.
    public var endpoint: String?
    public var addressing: S3EndpointOptions.Addressing
    public var allowInsecureEndpoint: Bool
    public var expectedBucketOwner: String?
    public var encryption: S3Configuration.ServerSideEncryption
    /// Requests at once.
    public var concurrency: Int

    public init(
        enabled: Bool,
        bucket: String,
        region: String,
        prefix: String,
        accessKeyID: String? = nil,
        secretAccessKey: String? = nil,
        sessionToken: String? = nil,
        endpoint: String? = nil,
        addressing: S3EndpointOptions.Addressing = .auto,
        allowInsecureEndpoint: Bool = false,
        expectedBucketOwner: String? = nil,
        encryption: S3Configuration.ServerSideEncryption = .bucketDefault,
        concurrency: Int = 32
    ) {
        self.enabled = enabled
        self.bucket = bucket
        self.region = region
        self.prefix = prefix
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.endpoint = endpoint
        self.addressing = addressing
        self.allowInsecureEndpoint = allowInsecureEndpoint
        self.expectedBucketOwner = expectedBucketOwner
        self.encryption = encryption
        self.concurrency = concurrency
    }

    /// What the client needs of it.
    public var storeConfiguration: S3Configuration {
        S3Configuration(
            bucket: bucket,
            endpoint: S3EndpointOptions(
                region: region, endpoint: endpoint, addressing: addressing,
                allowInsecureEndpoint: allowInsecureEndpoint),
            expectedBucketOwner: expectedBucketOwner, encryption: encryption, concurrency: concurrency)
    }

    /// The credentials that were given explicitly.
    public var explicitCredentials: Credentials? {
        guard let accessKeyID, let secretAccessKey else { return nil }
        return Credentials(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: sessionToken)
    }
}

/// The prefix of the mirror view, without a slash at the end: `buildS3Prefix` of RFC-019 §4.
public func buildS3Prefix(_ config: S3Config, agentIdentity: AgentIdentity, repo: String) -> String {
    "\(config.prefix)/\(agentIdentity.name)/\(MemoryLocation.sanitized(repo))/storage"
}
