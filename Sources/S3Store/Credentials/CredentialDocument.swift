import FoundationEssentials

/// The JSON with which programs and metadata services hand out credentials.
struct CredentialDocument: Decodable {
    /// A member that is a string, `null`, missing, or something else.
    struct Field: Decodable {
        /// `nil` if it is `null` or no string.
        let text: String?
        let isNull: Bool

        init(from decoder: any Decoder) throws {
            let box = try decoder.singleValueContainer()
            isNull = box.decodeNil()
            text = isNull ? nil : try? box.decode(String.self)
        }
    }

    private let members: [String: Field]
    /// The member `Version`, if it is a number.
    let version: Double?

    /// - Returns: `nil` for anything but one JSON object.
    init?(_ bytes: [UInt8]) {
        guard let document = try? JSONDecoder().decode(CredentialDocument.self, from: Data(bytes)) else { return nil }
        self = document
    }

    init(from decoder: any Decoder) throws {
        members = try [String: Field](from: decoder)
        version = try? decoder.container(keyedBy: VersionKey.self).decode(Double.self, forKey: .version)
    }

    private enum VersionKey: String, CodingKey { case version = "Version" }

    func has(_ name: String) -> Bool { members[name] != nil }

    /// Text that is neither missing, `null` nor empty.
    func text(_ name: String) -> String? { members[name]?.text.flatMap { $0.isEmpty ? nil : $0 } }

    /// The credentials in it.
    /// - Parameters:
    ///   - tokenName: how the session token is called.
    ///   - provider: for ``Credentials/provider``.
    ///   - source: for messages, as `the program`.
    /// - Throws: ``CredentialError`` that names the member that is missing or wrong.
    func credentials(tokenName: String, provider: String, source: String) throws(CredentialError) -> Credentials {
        guard let accessKeyID = text("AccessKeyId") else { throw Self.missing("AccessKeyId", source) }
        guard let secret = text("SecretAccessKey") else { throw Self.missing("SecretAccessKey", source) }
        if let token = members[tokenName], token.text == nil && !token.isNull { throw Self.missing(tokenName, source) }
        var credentials = Credentials(
            accessKeyID: accessKeyID, secretAccessKey: secret, sessionToken: text(tokenName),
            accountID: text("AccountId"), provider: provider)
        if let field = members["Expiration"], !field.isNull {
            guard let time = field.text.flatMap(expirationTime) else {
                throw CredentialError(
                    .invalidAnswer, "The answer of \(source) has an Expiration that is not a time with a zone.")
            }
            credentials.expiration = time
        }
        return try credentials.checked(source)
    }

    static func missing(_ member: String, _ source: String) -> CredentialError {
        CredentialError(.invalidAnswer, "The answer of \(source) has no usable \(member).")
    }
}

/// A point in time in ISO 8601 with a zone, or in the form of HTTP. A time without a zone says nothing about when.
func expirationTime(_ text: String) -> Date? {
    if let date = Timestamp.http(text) { return date }
    // The first ten characters hold the date, with hyphens that are no zone.
    guard text.utf8.dropFirst(10).contains(where: { "Zz+-".utf8.contains($0) }) else { return nil }
    return Timestamp.iso8601(text)
}
