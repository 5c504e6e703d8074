import Foundation

/// The ways in which a text may carry a secret, made with Foundation and not with the code under test.
func encodings(of secret: String) throws -> [String] {
    var unreserved = CharacterSet(charactersIn: "-._~")
    unreserved.formUnion(CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
    let encoded = secret.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    let twice = encoded.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    let json = String(decoding: try JSONEncoder().encode(secret).dropFirst().dropLast(), as: UTF8.self)
    let plainEncoder = JSONEncoder()
    plainEncoder.outputFormatting = .withoutEscapingSlashes
    let plainJSON = String(decoding: try plainEncoder.encode(secret).dropFirst().dropLast(), as: UTF8.self)
    let lower = String(
        encoded.split(separator: "%", omittingEmptySubsequences: false).enumerated().map { index, part in
            index == 0 ? String(part) : "%" + part.prefix(2).lowercased() + part.dropFirst(2)
        }.joined())
    return [secret, encoded, lower, twice, json, plainJSON]
}

func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
