/// How to reach the store: AWS by region, or any other S3 service by its endpoint.
public struct S3EndpointOptions: Sendable, Equatable, CustomStringConvertible {
    /// Where the bucket's name goes.
    public enum Addressing: String, Sendable, CaseIterable {
        /// Into the host on AWS, into the path with a custom endpoint, as the AWS command line does.
        case auto
        /// Always into the path: `https://host/bucket/key`.
        case path
        /// Into the host where the name can be one: `https://bucket.host/key`; else into the path.
        case virtual
    }

    /// The region of the bucket; requests are signed for it. Providers without regions accept `us-east-1` or `auto`.
    public var region: String?
    /// The URL of a service other than AWS, with an optional port and base path.
    public var endpoint: String?
    public var addressing: Addressing
    /// Use AWS hosts that have IPv6 addresses as well.
    public var useDualStack: Bool
    /// Use AWS hosts with FIPS 140 validated cryptography.
    public var useFIPS: Bool
    /// Use S3 Transfer Acceleration, which has to be enabled for the bucket.
    public var useAccelerate: Bool
    /// Use `s3.amazonaws.com` for `us-east-1`.
    public var useGlobalEndpoint: Bool
    /// Allow a custom endpoint that speaks http or has a private or loopback address.
    public var allowInsecureEndpoint: Bool

    public init(
        region: String? = nil,
        endpoint: String? = nil,
        addressing: Addressing = .auto,
        useDualStack: Bool = false,
        useFIPS: Bool = false,
        useAccelerate: Bool = false,
        useGlobalEndpoint: Bool = false,
        allowInsecureEndpoint: Bool = false
    ) {
        self.region = region
        self.endpoint = endpoint
        self.addressing = addressing
        self.useDualStack = useDualStack
        self.useFIPS = useFIPS
        self.useAccelerate = useAccelerate
        self.useGlobalEndpoint = useGlobalEndpoint
        self.allowInsecureEndpoint = allowInsecureEndpoint
    }

    /// Region, endpoint and addressing; whatever in the endpoint may be a secret is left out.
    public var description: String {
        "S3 \(endpoint.map(CustomEndpoint.displayed) ?? "at AWS"), region \(region ?? "not set"), \(addressing.rawValue)"
    }
}
