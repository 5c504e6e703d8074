import Agents
import Basics
import FileIO
import NIOCore

/// The sessions of databases as they are kept in the state directory: a line for each image, and one for each session of it.
enum CensusCoding {
    static func encode(_ censuses: [Digest: SessionCensus]) -> ByteBuffer {
        var bytes = ByteBuffer()
        for (digest, census) in censuses {
            bytes.writeString("\(digest.hexadecimal)\n")
            for (id, mark) in census.marks {
                bytes.writeString("\(Hexadecimal.text(id)) \(mark.version) \(mark.form)\n")
            }
        }
        return bytes
    }

    /// - Returns: nothing if the bytes are not of this form.
    static func decode(_ bytes: ByteBuffer) -> [Digest: SessionCensus] {
        var found: [Digest: SessionCensus] = [:]
        var digest: Digest?
        for line in bytes.readableBytesView.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            if words.count == 1, let next = Digest(hex: words[0]) {
                digest = next
                found[next] = SessionCensus()
            } else if words.count == 3, let digest, let id = Self.bytes(ofHex: words[0]), let version = Int64(words[1]),
                let form = Int(words[2])
            {
                found[digest]?.add(id, SessionCensus.Mark(version: version, form: form))
            } else {
                return [:]
            }
        }
        return found
    }

    /// - Returns: `nil` unless the text is pairs of lower-case digits.
    static func bytes(ofHex text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap(Hexadecimal.lowerCaseValue)
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
