import FoundationEssentials

/// Claims of the runner's token. They are hints only: not verified, and unknown where they cannot be read.
struct RuntimeToken {
    /// `nil` if the token does not say.
    let mayWrite: Bool?

    private struct Payload: Decodable { let ac: String? }
    private struct Scope: Decodable {
        let permission: Int
        enum CodingKeys: String, CodingKey { case permission = "Permission" }
    }

    init(_ token: String) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let payload = Self.decoded(parts[1], as: Payload.self),
            let scopes = payload.ac.flatMap({ try? JSONDecoder().decode([Scope].self, from: Data($0.utf8)) })
        else {
            mayWrite = nil
            return
        }
        mayWrite = scopes.contains { $0.permission & 2 != 0 }
    }

    private static func decoded<Value: Decodable>(_ part: Substring, as type: Value.Type) -> Value? {
        var text = part.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        while text.count % 4 != 0 { text.append("=") }
        return Data(base64Encoded: String(text)).flatMap { try? JSONDecoder().decode(type, from: $0) }
    }
}
