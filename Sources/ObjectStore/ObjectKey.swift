/// The name of an object: UTF-8 bytes, compared as bytes.
///
/// `String ==` would take the NFC and NFD spellings of a name as one; a store keeps them as two objects.
public struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The key as text. Compare keys, not their texts.
    public let text: String

    public init(_ text: String) { self.text = text }

    public var utf8: String.UTF8View { text.utf8 }
    public var description: String { text }

    public static func == (a: ObjectKey, b: ObjectKey) -> Bool { a.utf8.elementsEqual(b.utf8) }
    public static func < (a: ObjectKey, b: ObjectKey) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
    public func hash(into hasher: inout Hasher) {
        // One call over contiguous bytes instead of one per byte.
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Whether the key starts with these bytes.
    public func hasPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}

/// The version of an object's content as the store names it: opaque, equal only if the content is.
///
/// It is kept as it was sent, with its quotes. It looks like an MD5 on some stores and for some uploads; see
/// ``ETag/md5`` for the one use that is safe.
public struct ETag: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }

    /// The 32 lower-case hex digits, if the tag has that form.
    ///
    /// Equality with the MD5 of some bytes proves that the object holds these bytes. Inequality proves nothing: with
    /// KMS encryption, multipart upload or another store, the tag is something else.
    public var md5: String? {
        let bare = text.utf8.filter { $0 != UInt8(ascii: "\"") }
        guard bare.count == 32 else { return nil }
        let digits = bare.map { (0x41...0x46).contains($0) ? $0 + 0x20 : $0 }
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        return String(decoding: digits, as: UTF8.self)
    }
}
