import FileIO
import NIOCore

/// A pack that a snapshot needs.
struct PackUse: Equatable {
    /// ``Pack/own`` for the pack that the list itself lies in.
    let pack: Digest
    /// Size of the object, in bytes.
    let size: Int64
    /// How many bytes of it are frames that the snapshot refers to.
    let used: Int64
}

/// The packs that a snapshot needs: a document of its own, so that a prune need not read the files' names.
///
///     pack list = "HFPL" version count × (pack digest(32), size of the pack, bytes of it that are in use)
enum PackList {
    static func encode(_ packs: [PackUse]) -> ByteBuffer {
        var writer = FieldWriter()
        writer.header("HFPL", version: DocumentVersion.packList)
        writer.packUses(packs)
        return writer.buffer
    }

    /// - Throws: ``FormatError``, also for packs that are out of order or there twice.
    static func decode(_ bytes: ByteBuffer) throws(FormatError) -> [PackUse] {
        try reading(bytes) { (reader) throws(FormatError) in
            try reader.header("HFPL", known: 2...DocumentVersion.packList)
            let packs = try reader.packUses()
            try reader.end()
            guard zip(packs, packs.dropFirst()).allSatisfy({ $0.pack < $1.pack }) else {
                throw FormatError("packs are out of order")
            }
            return packs
        }
    }
}

extension FieldWriter {
    mutating func packUses(_ packs: [PackUse]) {
        number(packs.count)
        for use in packs {
            digest(use.pack)
            number(use.size)
            number(use.used)
        }
    }
}

extension FieldReader {
    mutating func packUses() throws(FormatError) -> [PackUse] {
        var packs: [PackUse] = []
        for _ in 0..<(try count(ofAtLeast: Digest.byteCount + 2)) {
            let pack = try digest()
            let size = Int64(try number(upTo: Pack.maxLength))
            packs.append(PackUse(pack: pack, size: size, used: Int64(try number(upTo: Int(size)))))
        }
        return packs
    }
}
