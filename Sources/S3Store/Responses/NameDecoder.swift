import Basics

/// Undoes `encoding-type=url`, where the client asked for it and the store complied.
///
/// The encoding is that of HTML forms: `+` is a space. Continuation tokens, version ids and upload ids are never
/// encoded. Whether names are encoded is known only at the end of an answer, for some stores put `EncodingType` last.
struct NameDecoder {
    private let isActive: Bool

    init(_ root: XMLElement, of response: ServiceResponse) {
        isActive = response.asksURLEncoding && root.string("EncodingType") == "url"
    }

    /// The name of an object, or a prefix, delimiter or marker.
    ///
    /// - Throws: ``UnreadableAnswer`` if the decoded bytes are not UTF-8: no text could name that object.
    func decode(_ text: String) throws(UnreadableAnswer) -> String {
        guard isActive, text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return text
        }
        guard let decoded = String(validating: Self.formDecoded(Array(text.utf8)), as: UTF8.self) else {
            throw UnreadableAnswer("a name in it is not UTF-8")
        }
        return decoded
    }

    func decode(_ text: String?) throws(UnreadableAnswer) -> String? {
        guard let text else { return nil }
        return try decode(text) as String
    }

    /// A `%` without two hexadecimal digits stands for itself.
    private static func formDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = Hexadecimal.value(bytes[index + 1]),
                let low = Hexadecimal.value(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return result
    }
}
