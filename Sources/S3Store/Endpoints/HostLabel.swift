/// Rules for the parts of a host name.
enum HostLabel {
    /// Whether `text` is one label: 1 to 63 letters, digits and inner hyphens (RFC 1123 §2.1).
    static func isValid(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        return (1...63).contains(bytes.count) && bytes.first != hyphen && bytes.last != hyphen
            && bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == hyphen }
    }

    /// Whether a bucket can become part of a host name: a label of at least three characters in lower case that
    /// does not look like an IPv4 address; with `dots`, several labels
    /// (botocore's and the AWS SDKs' rule *isVirtualHostableS3Bucket*).
    static func canHold(bucket: String, dots: Bool) -> Bool {
        guard bucket.utf8.count >= 3, !bucket.utf8.contains(where: isUpper), !looksLikeIPv4(bucket) else {
            return false
        }
        return dots
            ? bucket.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isValid) : isValid(bucket)
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static let hyphen = UInt8(ascii: "-")

    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

    private static func looksLikeIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(isDigit) }
    }
}
