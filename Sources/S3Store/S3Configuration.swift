/// How a bucket is reached and how objects are written to it.
public struct S3Configuration: Sendable {
    /// Encryption that the store is asked to apply to what is written.
    public enum ServerSideEncryption: Sendable, Equatable {
        /// Whatever the bucket's default is.
        case bucketDefault
        /// SSE-S3.
        case aes256
        /// SSE-KMS, with the given key or the account's default one.
        case kms(keyID: String?)
    }

    public var bucket: String
    /// Region, endpoint and addressing.
    public var endpoint: S3EndpointOptions
    /// The account that has to own the bucket, 12 digits; the store refuses requests for a bucket of another one.
    public var expectedBucketOwner: String?
    public var encryption: ServerSideEncryption
    /// Requests at once.
    public var concurrency: Int
    /// Bytes in a second, both directions together; unlimited if `nil`.
    public var rateLimit: Int?
    /// Attempts for a request, the first included.
    public var attempts: Int
    /// A PEM file with the authorities to trust instead of the system's (`AWS_CA_BUNDLE`).
    public var trustRoots: String?

    public init(
        bucket: String,
        endpoint: S3EndpointOptions,
        expectedBucketOwner: String? = nil,
        encryption: ServerSideEncryption = .bucketDefault,
        concurrency: Int = 32,
        rateLimit: Int? = nil,
        attempts: Int = 6,
        trustRoots: String? = nil
    ) {
        self.bucket = bucket
        self.endpoint = endpoint
        self.expectedBucketOwner = expectedBucketOwner
        self.encryption = encryption
        self.concurrency = concurrency
        self.rateLimit = rateLimit
        self.attempts = attempts
        self.trustRoots = trustRoots
    }

    /// Refuses settings with which no request can be sent. Nothing is sent.
    /// - Throws: ``EndpointError``.
    public func check() throws(EndpointError) { _ = try EndpointResolver(endpoint).resolve(bucket: bucket) }

    /// Whether the store is AWS itself, which keeps a SHA-256 of an object if it is given one.
    var isAWS: Bool { endpoint.endpoint == nil }
}
