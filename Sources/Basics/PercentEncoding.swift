/// The percent encoding of RFC 3986, byte by byte: names need not be text.
public enum PercentEncoding {
    /// Appends the encoded form of bytes: all but `A-Z a-z 0-9 - . _ ~` becomes `%XX` in upper case.
    /// - Parameter keepingSlashes: whether `/` stays as it is, as in a path.
    @inlinable
    public static func append(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false, to output: inout [UInt8]) {
        for byte in bytes {
            if isUnreserved(byte) || (keepingSlashes && byte == UInt8(ascii: "/")) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(digit(byte >> 4))
                output.append(digit(byte & 15))
            }
        }
    }

    /// The encoded form of bytes.
    @inlinable
    public static func encode(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.underestimatedCount)
        append(bytes, keepingSlashes: keepingSlashes, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Undoes the encoding.
    /// - Parameter plusIsSpace: as in the query of an HTML form.
    /// - Returns: `nil` if a `%` is not followed by two hex digits.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(Hexadecimal.value),
                    let low = rest.next().flatMap(Hexadecimal.value)
                else { return nil }
                output.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: output.append(UInt8(ascii: " "))
            default: output.append(byte)
            }
        }
        return output
    }

    /// Whether a byte is one of RFC 3986's unreserved characters (§2.3).
    @inlinable
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    @usableFromInline
    static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
