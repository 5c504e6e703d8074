import FileIO
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("The version of a pack")
struct PackVersionTests {
    /// A memory of one pack that says another version, under the right name.
    private func memory(version: UInt8, padding: Int = 0) async throws -> (Repository, FrameLocation) {
        let store = MemoryObjectStore()
        let repository = Machine(store).repository
        var pack = OpenPack(salt: (1, 2))
        var random = SeededGenerator.forTest()
        if padding > 0 {
            let noise = ByteBuffer(bytes: random.bytes(padding))
            pack.append(EncodedFrame([(Digest(of: noise), noise)]))
        }
        let content = ByteBuffer(string: "content")
        let blob = pack.append(EncodedFrame([(Digest(of: content), content)]))[0]
        var bytes = Array(pack.bytes.readableBytesView)
        bytes[4] = version
        let digest = Digest(of: ByteBuffer(bytes: bytes))
        try await store.put(repository.key(ofPack: digest), .bytes(ByteBuffer(bytes: bytes)), .overwrite)
        return (repository, blob.moved(from: Pack.own, to: digest).frame)
    }

    @Test("It is checked by each read that begins in the first 512 KiB", arguments: [0, 100_000, 500_000, 600_000])
    func read(_ padding: Int) async throws {
        let isChecked = padding < 512 << 10
        for version in [1, 2, 0] as [UInt8] {
            let (repository, frame) = try await memory(version: version, padding: padding)
            let error: RepositoryError?
            do {
                try await repository.readFrames([frame]) { _ = try $0.expand() }
                error = nil
            } catch let caught as RepositoryError {
                error = caught
            }
            #expect(error?.kind == (version == 1 || !isChecked ? nil : version == 2 ? .formatTooNew : .damaged))
            if version == 2, isChecked { #expect(error?.hint == "Update Holdfast on this machine.") }
        }
    }

    @Test("A manifest in a pack of a later version is not read, and verify calls it unknown", arguments: [false, true])
    func manifest(readData: Bool) async throws {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        machine.write("a", "1")
        let saved = try await machine.save()
        let key = machine.repository.key(ofPack: saved.snapshot.commit.manifest.pack)
        var bytes = Array(try await store.get(key).collect(upTo: 1 << 20).readableBytesView)
        bytes[4] = 2
        // A pack of its own name, and a commit that names it.
        let moved = Digest(of: ByteBuffer(bytes: bytes))
        try await store.put(machine.repository.key(ofPack: moved), .bytes(ByteBuffer(bytes: bytes)), .overwrite)
        let commit = String(buffer: saved.snapshot.bytes)
            .replacing(saved.snapshot.commit.manifest.pack.hexadecimal, with: moved.hexadecimal)
        let name = machine.repository.key(of: saved.snapshot.name)
        try await store.put(name, .bytes(ByteBuffer(string: commit)), .overwrite)

        let error = await #expect(throws: RepositoryError.self) { try await machine.repository.newest() }
        #expect(error?.kind == .formatTooNew)
        let report = try await machine.repository.verify(readData: readData)
        #expect(report.damages == [])
        #expect(report.unknown.map(\.key) == [machine.repository.key(ofPack: moved)])
    }

    @Test("Reading a manifest and its files takes no more requests than before")
    func requests() async throws {
        let meter = TransferMeter()
        var machine = Machine(MemoryObjectStore(meter: meter))
        machine.write("a", "1")
        let saved = try await machine.save()
        let before = meter.now.requests
        _ = try await machine.repository.manifest(of: saved.snapshot)
        #expect(meter.now.requests == before + 1)
        _ = try await machine.repository.packs(of: saved.snapshot)
        #expect(meter.now.requests == before + 2)
    }

    @Test("The zero pack is the one in which a document lies, also in a chunk list")
    func ownPack() async throws {
        let store = MemoryObjectStore()
        let repository = Machine(store).repository
        var pack = OpenPack(salt: (1, 2))
        let parts = ["one ", "two "].map { ByteBuffer(string: String(repeating: $0, count: 999)) }
        let chunks = parts.map { pack.append(EncodedFrame([(Digest(of: $0), $0)]))[0] }
        let list = Fields.chunkList(chunks).bytes
        let listBlob = pack.append(EncodedFrame([(Digest(of: list), list)]))[0]
        let finished = pack.finish()
        try await store.put(repository.key(ofPack: finished.digest), .bytes(finished.bytes), .overwrite)
        let whole = parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        let entry = Entry(
            path: try #require(RelativePath("big")), mode: 0o600, modified: 1, size: Int64(whole.readableBytes),
            digest: Digest(of: whole), content: .chunkLists([listBlob], packs: [Pack.own])
        ).moved(from: Pack.own, to: finished.digest)
        #expect(try await repository.content(of: entry) == whole)
    }

    @Test("A copy of a snapshot says its version, although most of its packs are holes")
    func copy() async throws {
        var machine = Machine(MemoryObjectStore())
        machine.write("a", "1")
        try await machine.save()
        machine.write("b", "1")
        let saved = try await machine.save()
        try await withTemporaryDirectory { root in
            let copied = FileObjectStore(root: root.path)
            try await machine.repository.copy(saved.snapshot, saved.manifest, to: copied)
            var other = Machine(copied)
            try await other.restore()
            #expect(other.files == ["a": "1", "b": "1"])
        }
    }
}
