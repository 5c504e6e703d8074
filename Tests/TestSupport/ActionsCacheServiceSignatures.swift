import Crypto
import Foundation

/// The signatures of addresses: who has one may do what it names, until it expires.
struct ActionsCacheSignatures {
    private let key = SymmetricKey(size: .bits256)
    private var uses: [String: Int] = [:]

    /// - Parameters:
    ///   - path: of the blob.
    ///   - rights: `cw` to write, `r` to read.
    ///   - expiry: by the service's clock.
    /// - Returns: a query whose signature has a `+` and a `=`, which a client must not decode.
    func query(_ path: String, _ rights: String, expiry: Int) -> String {
        // From anywhere, so that no two addresses are alike.
        for nonce in Int.random(in: 0..<1_000_000)... {
            let signature = sign(path, rights, "\(expiry)", "\(nonce)")
            guard signature.contains("+") else { continue }
            let encoded = signature.replacingOccurrences(of: "+", with: "%2B")
                .replacingOccurrences(of: "/", with: "%2F").replacingOccurrences(of: "=", with: "%3D")
            return "sv=2025-11-05&se=\(expiry)&sr=b&sp=\(rights)&skoid=\(nonce)&sig=\(encoded)"
        }
        return ""
    }

    /// Whether an address may be used.
    /// - Parameter limit: how often it may; 0 for any number.
    mutating func allows(_ path: String, _ query: String, _ right: String, time: Int, limit: Int) -> Bool {
        let parameters = Self.parameters(query)
        guard let rights = parameters["sp"], rights.contains(right), let expiry = parameters["se"],
            let end = Int(expiry), time < end, let nonce = parameters["skoid"], let signature = parameters["sig"],
            signature == sign(path, rights, expiry, nonce)
        else { return false }
        let count = uses[signature, default: 0] + 1
        uses[signature] = count
        return limit == 0 || right != "r" || count <= limit
    }

    private func sign(_ parts: String...) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Data(parts.joined(separator: "\n").utf8), using: key)
        return Data(code).base64EncodedString()
    }

    /// Decoded as a form is: `+` is a blank.
    static func parameters(_ query: String) -> [String: String] {
        var result: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            result[parts[0]] =
                parts.count == 2
                ? parts[1].replacingOccurrences(of: "+", with: " ").removingPercentEncoding : ""
        }
        return result
    }
}
