import FoundationEssentials

/// How the elements of an answer become values: an element that is missing is `nil`, one that is empty is empty text.
extension XMLElement {
    func string(_ name: String) -> String? { first(name)?.text }

    /// Text that the answer makes no sense without.
    func required(_ name: String) throws(UnreadableAnswer) -> String {
        guard let text = string(name) else { throw UnreadableAnswer("a <\(self.name)> has no <\(name)>") }
        return text
    }

    /// A whole number; missing and empty are `nil`, anything else that is no number is an error.
    func integer(_ name: String) throws(UnreadableAnswer) -> Int64? {
        guard let text = string(name), !text.isEmpty else { return nil }
        if let value = Int64(text) ?? Int64(Self.trimmed(text)) { return value }
        if Self.trimmed(text).isEmpty { return nil }
        throw UnreadableAnswer("<\(name)> is not a number")
    }

    /// A number of bytes.
    func size(_ name: String) throws(UnreadableAnswer) -> Int64? {
        guard let value = try integer(name) else { return nil }
        guard value >= 0 else { throw UnreadableAnswer("<\(name)> is negative") }
        return value
    }

    /// A truth value as XML Schema writes it (part 2, §3.3.2), in any case; missing and empty are false.
    ///
    /// Anything else is an error, for an `IsTruncated` taken for false would end a listing early.
    func flag(_ name: String) throws(UnreadableAnswer) -> Bool {
        switch string(name).map({ Self.trimmed($0).lowercased() }) {
        case "true", "1": true
        case nil, "", "false", "0": false
        default: throw UnreadableAnswer("<\(name)> is neither true nor false")
        }
    }

    /// An instant; what cannot be read as one is `nil`, for no listing should fail on that.
    func instant(_ name: String) -> Date? { string(name).flatMap { serverTime($0) } }

    private static func trimmed(_ text: String) -> Substring {
        let rest = text.drop { $0.isWhitespace }
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return rest }
        return rest[...last]
    }
}

/// An instant in any form that stores use for one: ISO 8601, the HTTP date, seconds since 1970.
func serverTime(_ text: String) -> Date? {
    if let date = Timestamp.iso8601(text) ?? Timestamp.http(text) { return date }
    guard let seconds = Double(text), seconds.isFinite, abs(seconds) < 1e12 else { return nil }
    return Date(timeIntervalSince1970: seconds)
}
