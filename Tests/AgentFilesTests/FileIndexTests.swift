import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

import struct Crypto.SHA256

@testable import AgentFiles

@Suite("The local index") struct FileIndexTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    private func hash(_ text: String) -> Digest { Digest(of: ByteBuffer(string: text)) }

    private func sample(_ count: Int = 300) throws -> FileIndex {
        var random = SeededGenerator(seed: 7)
        let taken: Int64 = 1_700_000_000_000_000_000
        var entries: [FileIndex.Entry] = []
        for number in 0..<count {
            let path = try relative("part/msg_\(random.next() % 40)/\u{E9}\(number).json")
            let size = Int64(random.next() >> 1) >> Int64(number % 60)
            let changed = number == 0 ? Int64.min : taken + Int64(number)
            entries.append(
                FileIndex.Entry(
                    path: path, size: size, modified: Int64(bitPattern: random.next()), changed: changed,
                    inode: random.next(), sha256: hash("\(number)"), wasRestored: number % 3 == 0))
        }
        return FileIndex(scope: "s3://b/m\n/home", base: [0, 255, 1], takenAt: taken, entries: entries)
    }

    @Test("comes back as it was written, private, and makes its directory", arguments: [0, 1, 300])
    func roundTrip(_ count: Int) throws {
        let index = try sample(count)
        let path = tree.path + "/state/holdfast/x.index"
        try index.write(to: path)
        try index.write(to: path)
        #expect(FileIndex.read(path: path, scope: index.scope) == index)
        #expect(index.entries.map(\.path) == index.entries.map(\.path).sorted())
        #expect(try FileStatus.at(path).permissions == 0o600)
        #expect(try FileStatus.at(tree.path + "/state/holdfast").permissions == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: tree.path + "/state/holdfast") == ["x.index"])
    }

    @Test("for another scope, missing, or not a file, there is nothing remembered")
    func other() throws {
        let index = try sample(3)
        try index.write(to: tree.path + "/i")
        #expect(FileIndex.read(path: tree.path + "/i", scope: "other") == nil)
        #expect(FileIndex.read(path: tree.path + "/none", scope: index.scope) == nil)
        #expect(FileIndex.read(path: tree.path, scope: index.scope) == nil)
        let composed = FileIndex(scope: "caf\u{E9}", base: [], takenAt: 0, entries: [])
        try composed.write(to: tree.path + "/i")
        #expect(FileIndex.read(path: tree.path + "/i", scope: "cafe\u{301}") == nil)
    }

    @Test("that cannot be written leaves the former and no other file")
    func unwritable() throws {
        try makeDirectories(tree.path + "/i")
        let index = try sample(3)
        #expect(throws: FileError.self) { try index.write(to: tree.path + "/i") }
        #expect(throws: FileError.self) { try index.write(to: tree.path + "/i/") }
        #expect(try tree.contents() == ["i": "-"])
    }

    @Test("of several entries for a path the first counts")
    func duplicates() throws {
        let entries = try ["b", "a", "b"].enumerated().map { number, name in
            FileIndex.Entry(
                path: try relative(name), size: Int64(number), modified: 0, changed: 0, inode: 0, sha256: hash(name))
        }
        let index = FileIndex(scope: "", base: [], takenAt: 0, entries: entries)
        #expect(index.entries.map(\.size) == [1, 0])
        #expect(index.entry(try relative("b"))?.size == 0)
        #expect(index.entry(try relative("c")) == nil)
        #expect(index.entry(try relative("0")) == nil)
    }

    @Test("a hash is found only while size, times and inode are the same")
    func lookup() throws {
        try tree.write("a", "one")
        let path = try relative("a")
        let seen = try FileStatus.at(tree.path + "/a")
        func index(
            size: Int64? = nil, modified: Int64? = nil, changed: Int64? = nil, inode: UInt64? = nil
        ) -> FileIndex {
            let entry = FileIndex.Entry(
                path: path, size: size ?? seen.size, modified: modified ?? seen.modified,
                changed: changed ?? seen.changed, inode: inode ?? seen.inode, sha256: hash("one"))
            return FileIndex(scope: "", base: [], takenAt: seen.changed + 3_000_000_000, entries: [entry])
        }
        #expect(index().lookup(path, seen) == hash("one"))
        #expect(index().lookup(try relative("b"), seen) == nil)
        #expect(index(size: 4).lookup(path, seen) == nil)
        #expect(index(modified: seen.modified - 1).lookup(path, seen) == nil)
        #expect(index(changed: seen.changed - 1).lookup(path, seen) == nil)
        #expect(index(inode: seen.inode + 1).lookup(path, seen) == nil)
        #expect(index().lookup(path, try FileStatus.at(tree.path)) == nil)
    }

    @Test(
        "a file that was just written when it was looked at is not trusted; one that was restored is, by its own time",
        arguments: [
            (-2_000_000_001, -2_000_000_001, false, true), (-2_000_000_000, -9_000_000_000, false, false),
            (-9_000_000_000, -2_000_000_000, false, false), (-9_000_000_000, 5, false, false),
            (5_000_000_000, -9_000_000_000, false, false), (-9_000_000_000, 5, true, true),
            (-2_000_000_000, -2_000_000_000, true, false), (5, 5, true, false),
        ] as [(Int64, Int64, Bool, Bool)])
    func racy(_ modified: Int64, _ changed: Int64, _ wasRestored: Bool, _ trusted: Bool) throws {
        let taken: Int64 = 1_700_000_000_000_000_000
        let entry = FileIndex.Entry(
            path: try relative("a"), size: 1, modified: taken + modified, changed: taken + changed, inode: 1,
            sha256: hash("a"), wasRestored: wasRestored)
        let index = FileIndex(scope: "", base: [], takenAt: taken, entries: [entry])
        #expect(index.isTrusted(entry) == trusted)
        let hostile = FileIndex(scope: "", base: [], takenAt: .min, entries: [entry])
        #expect(!hostile.isTrusted(entry))
    }

    @Test("torn and damaged files are recognised")
    func damaged() throws {
        let index = try sample(20)
        let whole = index.encoded()
        let path = tree.path + "/i"
        for length in stride(from: 0, to: whole.count, by: 7) {
            #expect(FileIndex(encoded: Array(whole[..<length])) == nil)
        }
        for position in whole.indices {
            var bytes = whole
            bytes[position] ^= 1 << (position % 8)
            #expect(FileIndex(encoded: bytes) == nil)
        }
        try tree.write("i", String(repeating: "x", count: 500))
        #expect(FileIndex.read(path: path, scope: index.scope) == nil)
        #expect(FileIndex(encoded: whole + [0]) == nil)
        #expect(FileIndex(encoded: whole) == index)
    }

    @Test("hostile bytes under a right checksum do no harm, and what is read of them can be written", arguments: 0..<8)
    func hostile(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let whole = Array(try sample(12).encoded().dropLast(32))
        var read = 0
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0...(random.next() % 3) {
                let position = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 5 {
                case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[position] ^= 1 << (random.next() % 8)
                case 2: bytes.removeSubrange(position...)
                case 3:
                    let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x01]
                    bytes.replaceSubrange(position..<min(bytes.count, position + 1), with: huge)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
                }
                if bytes.isEmpty { break }
            }
            guard let index = FileIndex(body: bytes[...]) else { continue }
            read += 1
            #expect(FileIndex(encoded: index.encoded()) == index)
        }
        // Flips in hashes and times make another index: the decoder itself has been reached.
        #expect(read > 0)
    }

    @Test(
        "lengths that promise more than there is are refused",
        arguments: [
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], [0x80], [0x01],
        ] as [[UInt8]])
    func lengths(_ number: [UInt8]) throws {
        let magic = Array(FileIndex(scope: "", base: [], takenAt: 0, entries: []).encoded().prefix(8))
        for before in 0...3 {
            let bytes = magic + [UInt8](repeating: 0, count: before) + number
            if before == 0, number == [0x01] { continue }
            #expect(FileIndex(body: bytes[...]) == nil, "\(before)")
        }
        let entry = magic + [0, 0, 0, 1]
        #expect(FileIndex(body: (entry + number + [UInt8](repeating: 0, count: 60))[...]) == nil, "shared")
        #expect(FileIndex(body: (entry + [0] + number)[...]) == nil, "rest")
    }

    @Test(
        "the hash of a file is that of its content, whatever its length", arguments: [0, 1, 262_143, 262_144, 600_000])
    func hashes(_ size: Int) throws {
        let content = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let file = try File.open(tree.path + "/f", [.readWrite, .create])
        try file.write(content, at: 0)
        let hash = try Digest(of: file)
        #expect(hash == Digest(of: content))
        #expect(hash.bytes == Array(SHA256.hash(data: Array(content.readableBytesView))))
        #expect(Digest(bytes: hash.bytes) == hash)
        #expect(Digest(bytes: hash.bytes.dropLast()) == nil)
    }
}
