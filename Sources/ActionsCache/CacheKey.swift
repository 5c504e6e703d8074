import Basics

/// The name of an entry, or a prefix of such names.
public struct CacheKey: Sendable, Equatable {
    /// In UTF-16 units, as JavaScript counts.
    public static let lengthLimit = 512
    /// Keys of one lookup.
    public static let countLimit = 10

    public let text: String

    /// Why a text is no key.
    public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public init(_ text: String) throws(Invalid) {
        if text.isEmpty { throw Invalid(description: "a cache key is empty") }
        if text.utf16.count > Self.lengthLimit {
            throw Invalid(
                description: "a cache key has \(text.utf16.count) characters; \(Self.lengthLimit) are allowed")
        }
        if text.contains(",") { throw Invalid(description: "a cache key contains a comma, which separates keys") }
        self.text = text
    }

    /// Checks the keys of one lookup.
    static func all(_ texts: [String]) throws(Invalid) -> [CacheKey] {
        if texts.count > countLimit {
            throw Invalid(description: "\(texts.count) cache keys are given; \(countLimit) are allowed")
        }
        var keys: [CacheKey] = []
        for text in texts { keys.append(try CacheKey(text)) }
        return keys
    }

    /// Whether an entry's key is this one. Some services (act) lower the case of keys.
    public func isExactly(_ other: String) -> Bool { text.lowercased().utf8.elementsEqual(other.lowercased().utf8) }
}

extension CacheKey.Invalid: FailureConvertible {
    public var failure: Failure { Failure(code: .invalid, message: description) }
}
