import FoundationEssentials

extension SigV4Signer {
    /// The longest life of a presigned URL: seven days, in seconds.
    static let longestPresign = 604_800

    /// Makes a URL that carries its own authorisation (AWS "Authenticating Requests: Using Query Parameters").
    ///
    /// The body is not covered. Whoever uses the URL has to send the headers of the request as they were signed.
    /// The URL grants access to its holder: treat it as a secret.
    /// - Parameters:
    ///   - expires: how long the URL works, in seconds, 1 to 604800; it never outlives temporary credentials.
    ///   - date: the time from which `expires` counts.
    /// - Throws: ``PresignError`` for another lifetime.
    func presign(
        _ request: SignableRequest, expires: Int, credentials: Credentials, date: Date
    ) throws(PresignError) -> PresignedURL {
        guard (1...Self.longestPresign).contains(expires) else { throw PresignError(expires: expires) }
        let scope = scope(credentials: credentials, date: date)
        var headers = request.headers
        if !headers.contains(where: { SigV4.isSameHeader($0.name, "host") }) { headers.append(("host", request.host)) }
        // Which headers are signed is part of the query, and the query is part of what is signed.
        let names = CanonicalRequest(method: "", path: .empty, query: [], headers: headers, payload: "").signedHeaders

        var signed = request
        signed.query = request.query.map { ($0.name, $0.value ?? "") }
        signed.query.append(("X-Amz-Algorithm", SigV4.algorithm))
        signed.query.append(("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope.text)"))
        signed.query.append(("X-Amz-Date", scope.timestamp))
        signed.query.append(("X-Amz-Expires", "\(expires)"))
        signed.query.append(("X-Amz-SignedHeaders", names))
        if let token = credentials.sessionToken { signed.query.append(("X-Amz-Security-Token", token)) }

        let canonical = CanonicalRequest(
            method: signed.method, path: signed.path, query: signed.query, headers: headers,
            payload: PayloadHash.unsigned.headerValue)
        let stringToSign = scope.stringToSign(canonical)
        let signature = scope.signature(of: stringToSign)
        signed.query.append(("X-Amz-Signature", signature))
        return PresignedURL(
            url: signed.url, signedHeaders: names, signature: signature, canonicalRequest: canonical.bytes,
            stringToSign: stringToSign)
    }
}

/// A URL that authorises its holder; its description does not show it.
struct PresignedURL: Sendable, CustomStringConvertible {
    /// The URL. Use the text as it is: re-encoding breaks the signature.
    let url: String
    /// The headers that have to be sent as they were signed, `;` between them.
    let signedHeaders: String
    let signature: String
    let canonicalRequest: [UInt8]
    let stringToSign: [UInt8]

    var description: String { "presigned URL (hidden), signed headers \(signedHeaders)" }
}

/// A lifetime that no presigned URL can have.
struct PresignError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The requested lifetime in seconds.
    let expires: Int

    var description: String {
        "A presigned URL cannot live for \(expires) seconds. Choose 1 to \(SigV4Signer.longestPresign) (seven days)."
    }
}
