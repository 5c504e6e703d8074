import HTTPProxies

/// How a bucket is reached and how objects are written to it.
public struct S3Configuration: Sendable {
    /// Encryption that the store is asked to apply to what is written.
    public enum ServerSideEncryption: Sendable, Equatable {
        /// The bucket's default.
        case bucketDefault
        /// SSE-S3.
        case aes256
        /// SSE-KMS, with the given key or the account's default one.
        case kms(keyID: String?)
    }

    /// The checksum that a written object carries, by which the store notices damage on the way.
    public enum ObjectChecksum: Sendable, Equatable {
        /// SHA-256 on AWS, MD5 on other stores, many of which refuse what is newer.
        case automatic
        case md5
        /// The store keeps it, sends it with each read, and reads are checked against it.
        case sha256
    }

    public var bucket: String
    /// Region, endpoint and addressing.
    public var endpoint: S3EndpointOptions
    /// The account that has to own the bucket, 12 digits; the store refuses requests for a bucket of another one.
    public var expectedBucketOwner: String?
    public var encryption: ServerSideEncryption
    public var checksum: ObjectChecksum
    /// Requests at once.
    public var concurrency: Int
    /// Bytes in a second, both directions together; unlimited if `nil`.
    public var rateLimit: Int?
    /// Attempts for a request, the first included.
    public var attempts: Int
    /// A PEM file with the authorities to trust instead of the system's (`AWS_CA_BUNDLE`).
    public var trustRoots: String?
    /// Which requests go through a proxy.
    public var proxies: ProxyRules

    public init(
        bucket: String,
        endpoint: S3EndpointOptions,
        expectedBucketOwner: String? = nil,
        encryption: ServerSideEncryption = .bucketDefault,
        checksum: ObjectChecksum = .automatic,
        concurrency: Int = 32,
        rateLimit: Int? = nil,
        attempts: Int = 6,
        trustRoots: String? = nil,
        proxies: ProxyRules = .none
    ) {
        self.bucket = bucket
        self.endpoint = endpoint
        self.expectedBucketOwner = expectedBucketOwner
        self.encryption = encryption
        self.checksum = checksum
        self.concurrency = concurrency
        self.rateLimit = rateLimit
        self.attempts = attempts
        self.trustRoots = trustRoots
        self.proxies = proxies
    }

    /// Refuses settings with which no request can be sent. Nothing is sent.
    /// - Throws: ``EndpointError``.
    public func check() throws(EndpointError) { _ = try proxy() }

    /// The proxy that leads to the bucket; `nil` if it is reached directly.
    /// - Throws: ``EndpointError``.
    public func proxy() throws(EndpointError) -> HTTPProxy? {
        let address = try EndpointResolver(endpoint).resolve(bucket: bucket)
        do throws(ProxyError) { return try proxies.proxy(for: address.url) } catch {
            throw EndpointError(.proxy, "\(error.variable) \(error.problem)", hint: error.hint)
        }
    }

    /// Whether the store is AWS itself.
    var isAWS: Bool { endpoint.endpoint == nil }

    /// Whether the store keeps checksums newer than MD5.
    var keepsChecksums: Bool { checksum == .sha256 || checksum == .automatic && isAWS }
}
