import NIOConcurrencyHelpers

/// The one place where secrets are taken out of what people and machines may read.
///
/// There are two nets:
/// - **names**: a field called `authorization` or `sessionToken` never shows its value (``isSecretName(_:)``);
/// - **content**: in any text, wherever it came from, what has the form of a credential is replaced (``redact(_:)``), and
///   so is every secret that was registered, in each encoding it is likely to appear in.
///
/// Each secret becomes `[REDACTED]`; the rest of the text stays as it is. Redacting twice is the same as once.
public final class Redactor: Sendable {
    /// Replacement for a secret.
    public static let mark = "[REDACTED]"

    private let secrets = NIOLockedValueBox(RegisteredSecrets())

    public init() {}

    /// Takes a secret out of all text from now on: also percent-encoded, in Base64 and escaped for JSON.
    ///
    /// Secrets shorter than six bytes are ignored: replacing them would make other text unreadable. Of more
    /// than 256, the oldest are forgotten: credentials that expire are registered again and again.
    public func register(_ secret: String) { secrets.withLockedValue { $0.insert(secret) } }

    /// Replaces what has the form of a credential, and what is registered.
    ///
    /// - `Authorization` values, `AWS4-HMAC-SHA256 …`, `Bearer …` and `Basic …`
    /// - signature, credential and security token of a signed URL, and the secrets in AWS's answers and files
    /// - AWS access key ids, GitHub tokens, JSON web tokens, PEM blocks
    /// - user and password in a URL
    ///
    /// One pass over the text; where nothing is found, the same text is returned without a copy.
    public func redact(_ text: String) -> String {
        let secrets = secrets.withLockedValue { $0 }
        var text = text
        let redacted = text.withUTF8 { bytes -> String? in
            var scan = SecretScan(bytes, secrets)
            let found = scan.run()
            guard !found.isEmpty else { return nil }
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count)
            var position = 0
            for range in found {
                output += bytes[position..<range.lowerBound]
                output += Redactor.mark.utf8
                position = range.upperBound
            }
            output += bytes[position...]
            return String(decoding: output, as: UTF8.self)
        }
        return redacted ?? text
    }
}
