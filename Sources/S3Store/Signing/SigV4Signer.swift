import Crypto
import FoundationEssentials

/// Signs requests with AWS Signature Version 4.
///
/// One signer serves a client for its whole life; derived keys are remembered. Sign each attempt of a request
/// anew, with the time of that attempt.
struct SigV4Signer: Sendable {
    /// The region of the credential scope.
    let region: String
    /// The service of the credential scope: `s3`, or `sts` for the calls that fetch credentials.
    let service: String
    private let keys: SigningKeyCache

    /// - Parameter keys: a cache to share, where signers for several regions are made.
    init(region: String, service: String = "s3", keys: SigningKeyCache = SigningKeyCache()) {
        self.region = region
        self.service = service
        self.keys = keys
    }

    /// Signs a request in its `Authorization` header.
    ///
    /// All headers of the request are signed, save those that proxies and HTTP libraries change on the way.
    /// - Parameters:
    ///   - payload: what is known of the body.
    ///   - date: the time of signing, corrected for a known clock skew; servers refuse more than 15 minutes.
    /// - Returns: the signature and the headers to set.
    func sign(
        _ request: SignableRequest, payload: PayloadHash, credentials: Credentials, date: Date
    ) -> SigV4Signature {
        let scope = scope(credentials: credentials, date: date)
        var added: [(name: String, value: String)] = []
        if !request.headers.contains(where: { SigV4.isSameHeader($0.name, "host") }) {
            added.append(("host", request.host))
        }
        added.append(("x-amz-content-sha256", payload.headerValue))
        added.append(("x-amz-date", scope.timestamp))
        if let token = credentials.sessionToken { added.append(("x-amz-security-token", token)) }

        let kept = request.headers.filter { header in !Self.owned.contains { SigV4.isSameHeader(header.name, $0) } }
        let canonical = CanonicalRequest(
            method: request.method, path: request.path, query: request.query, headers: kept + added,
            payload: payload.headerValue)
        let stringToSign = scope.stringToSign(canonical)
        let signature = scope.signature(of: stringToSign)
        added.append(
            (
                "authorization",
                "\(SigV4.algorithm) Credential=\(credentials.accessKeyID)/\(scope.text), "
                    + "SignedHeaders=\(canonical.signedHeaders), Signature=\(signature)"
            ))
        return SigV4Signature(
            headers: added, value: signature, signedHeaders: canonical.signedHeaders, canonicalRequest: canonical.bytes,
            stringToSign: stringToSign, scope: scope)
    }

    /// Headers that the signer sets itself: what an earlier attempt left of them is not signed.
    private static let owned = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]

    func scope(credentials: Credentials, date: Date) -> SigningScope {
        let timestamp = Timestamp.basic(date)
        let day = String(timestamp.prefix(8))
        return SigningScope(
            timestamp: timestamp, text: "\(day)/\(region)/\(service)/aws4_request",
            key: keys.key(secret: credentials.secretAccessKey, day: day, region: region, service: service))
    }
}

/// The outcome of ``SigV4Signer/sign(_:payload:credentials:date:)``.
///
/// It holds the session token, so its description says nothing but the scope.
struct SigV4Signature: Sendable, CustomStringConvertible {
    /// The headers to set on the request; each replaces any of the same name.
    let headers: [(name: String, value: String)]
    /// The signature in lower-case hex.
    let value: String
    /// The signed header names, `;` between them.
    let signedHeaders: String
    /// The hashed text: compare it with the one that the server returns along with `SignatureDoesNotMatch`.
    let canonicalRequest: [UInt8]
    /// The signed text.
    let stringToSign: [UInt8]
    /// The scope, in which the chunks of a streamed body are signed as well.
    let scope: SigningScope

    var description: String { "SigV4 signature in \(scope.text)" }
}

/// The time and credential scope of a signature, with the key that belongs to them.
struct SigningScope: Sendable {
    /// `20130524T000000Z`
    let timestamp: String
    /// `20130524/us-east-1/s3/aws4_request`
    let text: String
    let key: SymmetricKey

    func stringToSign(_ request: CanonicalRequest) -> [UInt8] {
        stringToSign(SigV4.algorithm, [SigV4.hex(SHA256.hash(data: request.bytes))])
    }

    /// Algorithm, time and scope, then the given lines.
    func stringToSign(_ algorithm: String, _ lines: [[UInt8]]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(320)
        output += algorithm.utf8
        output.append(UInt8(ascii: "\n"))
        output += timestamp.utf8
        output.append(UInt8(ascii: "\n"))
        output += text.utf8
        for line in lines {
            output.append(UInt8(ascii: "\n"))
            output += line
        }
        return output
    }

    func signature(of stringToSign: [UInt8]) -> String {
        String(
            decoding: SigV4.hex(HMAC<SHA256>.authenticationCode(for: stringToSign, using: key)), as: UTF8.self)
    }
}
