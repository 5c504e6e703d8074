import FileIO
import NIOCore
import TestSupport

@testable import Repository

/// A binary document as its fields, written from the format's description and not with the code under test: so a single
/// field can be made hostile while the rest stays as it should be.
struct Fields {
    enum Field: Equatable {
        case number(UInt64)
        case raw([UInt8])
    }

    var fields: [Field] = []

    mutating func number(_ value: some BinaryInteger) { fields.append(.number(UInt64(truncatingIfNeeded: value))) }
    mutating func raw(_ bytes: some Sequence<UInt8>) { fields.append(.raw(Array(bytes))) }

    var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        for field in fields {
            switch field {
            case .raw(let raw): bytes.writeBytes(raw)
            case .number(var rest):
                while rest >= 0x80 {
                    bytes.writeInteger(UInt8(rest & 0x7F) | 0x80)
                    rest >>= 7
                }
                bytes.writeInteger(UInt8(rest))
            }
        }
        return bytes
    }

    // MARK: The documents

    static func page(_ entries: [Entry]) -> Fields {
        var table = Table()
        for entry in entries {
            table.add(entry.references)
            if case .chunkLists(_, let packs) = entry.content { for pack in packs { table.add(pack) } }
        }
        var fields = document("HFPG", table)
        fields.number(entries.count)
        var (path, time): ([UInt8], Int64) = ([], 0)
        for entry in entries {
            let shared = zip(path, entry.path.bytes).prefix { $0 == $1 }.count
            fields.number(shared)
            fields.number(entry.path.bytes.count - shared)
            fields.raw(entry.path.bytes.dropFirst(shared))
            fields.number(entry.mode)
            let step = entry.modified &- time
            fields.number(step < 0 ? UInt64(bitPattern: ~step) << 1 | 1 : UInt64(step) << 1)
            fields.number(entry.size)
            fields.raw(entry.digest.bytes)
            switch entry.content {
            case .empty: fields.raw([0])
            case .blob(let blob):
                fields.raw([1])
                fields.number(table.index(blob))
                fields.number(blob.offset)
            case .chunks(let blobs):
                fields.raw([2])
                fields.references(blobs, table)
            case .chunkLists(let blobs, let packs):
                fields.raw([3])
                fields.references(blobs, table)
                fields.number(packs.count)
                for pack in packs { fields.number(table.packs.firstIndex(of: pack) ?? 0) }
            }
            (path, time) = (entry.path.bytes, entry.modified)
        }
        return fields
    }

    static func chunkList(_ chunks: [BlobReference]) -> Fields {
        var table = Table()
        table.add(chunks)
        var fields = document("HFCL", table)
        fields.references(chunks, table)
        return fields
    }

    static func root(_ root: ManifestRoot) -> Fields {
        var table = Table()
        table.add(root.pages.map(\.blob))
        var fields = document("HFRT", version: root.packs == nil ? 2 : 1, table)
        fields.number(root.files)
        fields.number(root.bytes)
        if let packs = root.packs { fields.uses(packs) }
        fields.number(root.pages.count)
        for page in root.pages {
            fields.reference(page.blob, table)
            fields.number(page.files)
        }
        return fields
    }

    static func packList(_ packs: [PackUse]) -> Fields {
        var fields = Fields()
        fields.raw("HFPL".utf8)
        fields.raw([2])
        fields.uses(packs)
        return fields
    }

    private mutating func uses(_ packs: [PackUse]) {
        number(packs.count)
        for use in packs {
            raw(use.pack.bytes)
            number(use.size)
            number(use.used)
        }
    }

    private static func document(_ name: String, version: UInt8 = 1, _ table: Table) -> Fields {
        var fields = Fields()
        fields.raw(name.utf8)
        fields.raw([version])
        fields.number(table.packs.count)
        for pack in table.packs { fields.raw(pack.bytes) }
        fields.number(table.frames.count)
        for frame in table.frames {
            fields.number(table.packs.firstIndex(of: frame.pack) ?? 0)
            fields.number(frame.offset)
            fields.number(frame.storedLength)
            fields.number(frame.length)
        }
        return fields
    }

    private mutating func references(_ blobs: [BlobReference], _ table: Table) {
        number(blobs.count)
        for blob in blobs { reference(blob, table) }
    }

    private mutating func reference(_ blob: BlobReference, _ table: Table) {
        raw(blob.digest.bytes)
        number(table.index(blob))
        number(blob.offset)
        number(blob.length)
    }

    /// Packs and frames in the order in which references name them.
    private struct Table {
        var packs: [Digest] = []
        var frames: [FrameLocation] = []

        mutating func add(_ pack: Digest) { if !packs.contains(pack) { packs.append(pack) } }

        mutating func add(_ blobs: [BlobReference]) {
            for blob in blobs {
                add(blob.frame.pack)
                if !frames.contains(blob.frame) { frames.append(blob.frame) }
            }
        }

        func index(_ blob: BlobReference) -> Int { frames.firstIndex(of: blob.frame) ?? 0 }
    }
}

// MARK: - Making them hostile

extension Fields {
    /// Numbers at which something may happen.
    private static let edges: [UInt64] = [
        0, 1, 2, 31, 32, 33, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 0xFFFF, 1 << 20, 1 << 24,
        1 << 24 + 1, 1 << 30, 1 << 30 + 1, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 62, 1 << 63 - 1, 1 << 63,
        .max - 1, .max,
    ]

    /// Names that lead somewhere, or that look as if.
    private static let names: [String] = [
        "../", "/", "./", "..", "\0", "a/../../", "//", "\\", "\u{301}", ".holdfast-",
    ]

    /// Changes one field.
    mutating func mutate(_ random: inout SeededGenerator) {
        guard let at = fields.indices.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: fields.remove(at: at)
        case 1: fields.insert(fields[at], at: Int.random(in: 0...fields.count, using: &random))
        case 2: fields.swapAt(at, Int.random(in: 0..<fields.count, using: &random))
        case 3: fields.insert(.number(Self.edges.randomElement(using: &random) ?? 0), at: at)
        default: change(at, &random)
        }
    }

    private mutating func change(_ at: Int, _ random: inout SeededGenerator) {
        switch fields[at] {
        case .number(let value):
            let others = fields.compactMap { if case .number(let value) = $0 { value } else { nil } }
            let choices = [
                value &+ 1, value &- 1, value &* 2, Self.edges.randomElement(using: &random) ?? 0,
                Self.edges.randomElement(using: &random) ?? 0, others.randomElement(using: &random) ?? 0,
                value ^ (1 << UInt64.random(in: 0..<64, using: &random)),
            ]
            fields[at] = .number(choices.randomElement(using: &random) ?? 0)
        case .raw(var bytes):
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where !bytes.isEmpty:
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            case 2: bytes += random.bytes(Int.random(in: 1...40, using: &random))
            default:
                let name = Self.names.randomElement(using: &random) ?? ""
                bytes.replaceSubrange(0..<min(bytes.count, name.utf8.count), with: name.utf8)
            }
            fields[at] = .raw(bytes)
        }
    }
}

/// Changes bytes of which nothing is known.
func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    let at = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, at + Int.random(in: 0...16, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes.removeSubrange(at..<end)
    case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
    case 2: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
    case 3: bytes.removeSubrange(at...)
    case 4: bytes.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], at: at)
    case 5 where at < bytes.count: bytes[at] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    default: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    }
}
