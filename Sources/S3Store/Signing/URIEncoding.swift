/// Percent encoding as Signature Version 4 defines it (AWS "Create a signed AWS API request", *UriEncode*).
///
/// Everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX` in upper-case hex, byte by byte. The same bytes go over the
/// wire and into the canonical request, so that the two cannot disagree.
enum URIEncoding {
    /// Appends the encoded form of `bytes`.
    /// - Parameter keepingSlashes: whether `/` stays as it is, as in the path of an object.
    static func append(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false, to output: inout [UInt8]) {
        for byte in bytes {
            if isUnreserved(byte) || (keepingSlashes && byte == UInt8(ascii: "/")) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(hexDigit(byte >> 4))
                output.append(hexDigit(byte & 15))
            }
        }
    }

    /// The encoded form of `bytes`.
    static func encode(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.underestimatedCount)
        append(bytes, keepingSlashes: keepingSlashes, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Undoes percent encoding.
    /// - Returns: `nil` if a `%` is not followed by two hex digits.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                output.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                return nil
            }
            output.append(high << 4 | low)
        }
        return output
    }

    /// Whether a byte is one of RFC 3986's unreserved characters (§2.3).
    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
