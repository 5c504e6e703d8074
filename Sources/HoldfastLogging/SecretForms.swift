/// The byte strings in which a secret may appear in a text: as it is, percent-encoded, in Base64, escaped for JSON.
func secretForms(_ secret: [UInt8]) -> [[UInt8]] {
    let unreserved = Set("-._~".utf8)
    let encoded = percentEncoded(secret, keeping: unreserved, upperHexDigits)
    return [
        secret,
        encoded,
        percentEncoded(secret, keeping: unreserved, lowerHexDigits),
        percentEncoded(secret, keeping: unreserved.union("/".utf8), upperHexDigits),
        // In a URL that is itself a value in a URL.
        percentEncoded(encoded, keeping: unreserved, upperHexDigits),
        jsonEscaped(secret, escapingSlash: true),
        jsonEscaped(secret, escapingSlash: false),
    ] + base64Forms(secret)
}

private let upperHexDigits = Array("0123456789ABCDEF".utf8)
private let lowerHexDigits = Array("0123456789abcdef".utf8)

private func percentEncoded(_ bytes: [UInt8], keeping kept: Set<UInt8>, _ digits: [UInt8]) -> [UInt8] {
    bytes.flatMap { byte in
        isAlphanumeric(byte) || kept.contains(byte)
            ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}

private func jsonEscaped(_ bytes: [UInt8], escapingSlash: Bool) -> [UInt8] {
    bytes.flatMap { byte -> [UInt8] in
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "/") where escapingSlash: [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\n"): Array("\\n".utf8)
        case UInt8(ascii: "\r"): Array("\\r".utf8)
        case UInt8(ascii: "\t"): Array("\\t".utf8)
        default: [byte]
        }
    }
}

/// The Base64 characters that depend on the secret alone, for each place in a group of three bytes where it may start
/// (`user:secret` is encoded as a whole), in the standard and the URL alphabet (RFC 4648 §4, §5).
private func base64Forms(_ secret: [UInt8]) -> [[UInt8]] {
    var forms: [[UInt8]] = []
    // How many characters also hold bits of what stands before the secret. Those behind are not made at all.
    for (offset, shared) in [0, 2, 3].enumerated() {
        var values: [Int] = []
        var (bits, held) = (0, 0)
        for byte in [UInt8](repeating: 0, count: offset) + secret {
            bits = (bits << 8 | Int(byte)) & 0xFFFF
            held += 8
            while held >= 6 {
                held -= 6
                values.append(bits >> held & 63)
            }
        }
        for alphabet in [base64Alphabet, base64URLAlphabet] {
            forms.append(values.dropFirst(shared).map { alphabet[$0] })
        }
    }
    return forms
}

private let base64Alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
private let base64URLAlphabet = base64Alphabet.dropLast(2) as [UInt8] + Array("-_".utf8)

func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
    default: false
    }
}
