/// Where the requests for one bucket go, and what they are signed for.
struct ResolvedEndpoint: Sendable, Equatable {
    /// `https` or `http`.
    var scheme: String
    /// Host and port; with virtual-host addressing the bucket is part of the host.
    var authority: String
    /// The base path; with path addressing the bucket is its last segment.
    var basePath: RequestPath
    var signingRegion: String
    /// The service name of the credential scope, in nearly all cases `s3`.
    var signingName: String

    init(
        scheme: String = "https", authority: String, basePath: RequestPath = .empty, signingRegion: String,
        signingName: String = "s3"
    ) {
        self.scheme = scheme
        self.authority = authority
        self.basePath = basePath
        self.signingRegion = signingRegion
        self.signingName = signingName
    }

    /// The URL of the bucket, or of the service where there is no bucket.
    var url: String { "\(scheme)://\(authority)\(basePath.text)" }

    /// A request to an object, or without a key to the bucket itself.
    /// - Parameters:
    ///   - key: the key of the object, not encoded; its bytes are kept as they are.
    ///   - query: decoded names and values; a `nil` value is sent without `=`.
    func request(
        method: String,
        key: String? = nil,
        query: [(name: String, value: String?)] = [],
        headers: [(name: String, value: String)] = []
    ) -> SignableRequest {
        SignableRequest(
            method: method, scheme: scheme, authority: authority,
            path: key.map { basePath.appending(key: $0.utf8) } ?? basePath, query: query, headers: headers)
    }
}
