/// A word that announces a secret, and how far the secret reaches behind it.
struct ContentPattern: Sendable {
    enum Kind: Sendable {
        /// `name: value`, `name=value`, `"name":"value"`, `<name>value</name>`.
        case named
        /// `name=value` only: in prose the word is harmless.
        case assigned
        /// An HTTP header whose value may hold spaces.
        case header
        /// An authentication scheme, then a token behind a blank.
        case scheme
        /// The scheme of SigV4, then a list of fields.
        case signatureScheme
        /// The word and 16 upper-case letters or digits.
        case accessKey
        /// The word and the token it starts.
        case token
        case webToken
        case pem
        /// The `user:password@` behind it.
        case authority
    }

    /// In lower case, or as it must be written.
    let word: [UInt8]
    let ignoresCase: Bool
    let kind: Kind

    private init(_ word: String, _ kind: Kind, ignoresCase: Bool = true) {
        self.word = Array(word.utf8)
        self.kind = kind
        self.ignoresCase = ignoresCase
    }

    static let all: [ContentPattern] = [
        .init("authorization", .header),
        .init("aws4-hmac-sha256", .signatureScheme),
        .init("bearer", .scheme),
        .init("basic", .scheme),
        // Of a signed URL (AWS "Authenticating Requests: Using Query Parameters") and of a signed header.
        .init("x-amz-signature", .named),
        .init("x-amz-credential", .named),
        .init("signature", .assigned),
        .init("credential", .assigned),
        // As a header, too; a `-` may be encoded like any other character.
        .init("security-token", .named),
        .init("security%2dtoken", .named),
        // Of the answers of STS, the metadata services and credential processes, and of AWS's files.
        .init("secretaccesskey", .named),
        .init("secret_access_key", .named),
        .init("sessiontoken", .named),
        .init("session_token", .named),
        // Of OAuth.
        .init("accesstoken", .named),
        .init("access_token", .named),
        .init("refreshtoken", .named),
        .init("refresh_token", .named),
        .init("clientsecret", .named),
        .init("client_secret", .named),
        .init("password", .assigned),
        // Of IAM "Reference: unique identifiers".
        .init("AKIA", .accessKey, ignoresCase: false),
        .init("ASIA", .accessKey, ignoresCase: false),
        .init("ghp_", .token, ignoresCase: false),
        .init("gho_", .token, ignoresCase: false),
        .init("ghu_", .token, ignoresCase: false),
        .init("ghs_", .token, ignoresCase: false),
        .init("ghr_", .token, ignoresCase: false),
        .init("github_pat_", .token, ignoresCase: false),
        // `{"` in Base64: a header of RFC 7515.
        .init("eyJ", .webToken, ignoresCase: false),
        .init("-----BEGIN ", .pem, ignoresCase: false),
        .init("://", .authority),
    ]

    /// Whether the word stands at a position.
    func matches(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        guard position + word.count <= text.count else { return false }
        for (index, wanted) in word.enumerated() {
            let byte = text[position + index]
            guard byte == wanted || ignoresCase && byte | 0x20 == wanted && isAlphanumeric(byte) else { return false }
        }
        return true
    }
}

/// A stretch of text, by the bytes that end it.
enum Run: Int, CaseIterable {
    /// A value without quotes around it.
    case value
    /// The same inside a URL that is encoded as a whole: an encoded `&` ends it, too.
    case encodedValue
    /// To the end of the line, or to a quote of one kind.
    case line, doubleQuoted, singleQuoted
    /// `token68` of RFC 9110 §11.2.
    case token
    /// The authority of a URL (RFC 3986 §3.2).
    case authority

    func ends(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        let byte = text[position]
        switch self {
        case .value: return byte <= 0x20 || valueEnds.contains(byte)
        case .encodedValue:
            return Run.value.ends(text, at: position)
                || byte == UInt8(ascii: "%") && position + 2 < text.count && text[position + 1] == UInt8(ascii: "2")
                    && text[position + 2] == UInt8(ascii: "6")
        case .line: return isLineEnd(byte)
        case .doubleQuoted: return isLineEnd(byte) || byte == UInt8(ascii: "\"")
        case .singleQuoted: return isLineEnd(byte) || byte == UInt8(ascii: "'")
        case .token: return !isAlphanumeric(byte) && !tokenMarks.contains(byte)
        case .authority: return byte <= 0x20 || authorityEnds.contains(byte)
        }
    }
}

private let valueEnds = Array("\"'`<>&,;)}#".utf8)
private let tokenMarks = Array("-._~+/=".utf8)
private let authorityEnds = Array("/?#\"'`<>\\".utf8)

private func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
