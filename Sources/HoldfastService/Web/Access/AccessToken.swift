import Crypto
import FoundationEssentials

/// The secret that a reader of the page shows: as `Authorization: Bearer TOKEN`, or as the password of HTTP's basic
/// authentication, which a browser asks for by itself.
///
/// It is never taken from the address of a page: addresses end up in histories, logs and other programs.
public struct AccessToken: Sendable {
    /// What makes guessing hopeless.
    public static let shortest = 16

    /// A token that would protect nothing, or cannot be sent.
    public struct Unusable: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    /// The comparison is of keyed hashes, so that how long it takes tells nothing of how much was right.
    private let key = SymmetricKey(size: .bits256)
    private let code: HMAC<SHA256>.MAC

    /// - Parameter text: the token; white space around it, as a file has it at its end, is left out.
    /// - Throws: ``Unusable``.
    public init(_ text: String) throws(Unusable) {
        let isSpace = { (byte: UInt8) in byte <= 0x20 }
        let token = Array(text.utf8.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        guard token.count >= Self.shortest else {
            throw Unusable(description: "the token has less than \(Self.shortest) characters")
        }
        guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Unusable(description: "the token has characters other than printable ASCII")
        }
        code = HMAC<SHA256>.authenticationCode(for: token, using: key)
    }

    /// Whether the value of an `Authorization` header shows the token.
    func accepts(_ authorization: String?) -> Bool {
        guard let authorization else { return false }
        let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2 else { return false }
        switch parts[0].lowercased() {
        case "bearer": return isToken(parts[1].utf8)
        case "basic":
            guard let pair = Data(base64Encoded: String(parts[1])), let colon = pair.firstIndex(of: UInt8(ascii: ":"))
            else { return false }
            return isToken(pair[(colon + 1)...])
        default: return false
        }
    }

    private func isToken(_ shown: some Collection<UInt8>) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Array(shown), using: key)
    }
}
