import FileIO
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository
import Testing

@Suite("Verifying a memory") struct VerifyTests {
    @Test("finds nothing where nothing is wrong, merges and forks included", arguments: [false, true])
    func whole(readData: Bool) async throws {
        var memory = try await Memory()
        var other = Machine(memory.store)
        try await other.restore()
        other.write("a", "by the other")
        memory.machine.write("a", "by the first one, later")
        memory.machine.write("empty", "")
        try await other.save()
        try await memory.machine.save()

        let report = try await memory.repository.verify(readData: readData)
        #expect(report.damages == [])
        #expect(report.notes == [])
        #expect(report.snapshots == report.wholeSnapshots)
        #expect(report.snapshots == (try await memory.repository.history().snapshots.count))
        #expect(report.snapshots > 4)
        #expect(report.packs >= 5)
        #expect(report.blobs >= 15)
        #expect(report.packBytes > 0)
        #expect(report.unreferencedPacks == 0)
        #expect(report.isDataRead == readData)
    }

    @Test("finds nothing in an empty memory")
    func empty() async throws {
        let report = try await Machine(MemoryObjectStore()).repository.verify(readData: true)
        #expect(report.snapshots == 0)
        #expect(report.damages == [])
    }

    @Test("names what is damaged, and the snapshots and files that it hurts", arguments: Plant.all)
    func damage(_ plant: Plant) async throws {
        let memory = try await Memory()
        // From before: a commit's id is that of its bytes.
        let ids = plant.snapshots.map { memory.snapshots[$0].shortID }
        try await plant.make(memory)

        let quick = try await memory.repository.verify()
        if plant.needsData { #expect(quick.damages == []) } else { try check(quick, plant, memory, ids) }
        try check(try await memory.repository.verify(readData: true), plant, memory, ids)
    }

    private func check(_ report: VerifyReport, _ plant: Plant, _ memory: Memory, _ ids: [String]) throws {
        try #require(report.damages.map(\.key) == [plant.key(memory)])
        let damage = report.damages[0]
        #expect(damage.reason.contains(plant.reason), "\(damage.reason)")
        // A commit that was changed and can be read has a new id.
        let isRenamed = plant.testDescription.contains("miscounts")
        if !isRenamed { #expect(damage.snapshots == ids) }
        #expect(damage.snapshots.count == ids.count)
        #expect(damage.paths.map(\.description) == plant.paths)
        #expect(damage.pathCount == plant.count)
        #expect(report.wholeSnapshots <= report.snapshots)
        #expect(report.wholeSnapshots >= 3 - ids.count)
    }

    @Test("tells an altered commit by what its child says of it")
    func alteredCommit() async throws {
        let memory = try await Memory()
        try await memory.replace(#""writer":"test""#, by: #""writer":"fake""#, in: 1)
        let damage = try #require(try await memory.repository.verify().damages.first)
        #expect(damage.key == Memory.key(of: memory.snapshots[1]))
        #expect(damage.reason.contains("not the commit \(memory.snapshots[1].shortID)"))
        #expect(damage.snapshots.count == 1)
    }

    @Test("tells a pack that grew, of which everything can still be read")
    func grown() async throws {
        let memory = try await Memory()
        try await memory.change(memory.pack(0)) { $0.append(0) }
        let quick = try #require(try await memory.repository.verify().damages.first)
        #expect(quick.snapshots == [memory.snapshots[1].shortID, memory.snapshots[0].shortID])
        let read = try await memory.repository.verify(readData: true)
        #expect(read.damages.map(\.key) == [memory.pack(0)])
        #expect(read.damages[0].snapshots == [])
        #expect(read.wholeSnapshots == 3)
    }

    @Test("goes on after damage and finds all of it")
    func several() async throws {
        let memory = try await Memory()
        try await memory.flip(memory.pack(0), at: 25)
        _ = try await memory.store.delete([memory.pack(1)])
        try await memory.change(Memory.key(of: memory.snapshots[0])) { $0 = [] }
        let report = try await memory.repository.verify(readData: true)
        // The two snapshots that need the first pack cannot be read, so nobody knows any more that it is needed.
        #expect(Set(report.damages.map(\.key)) == [Memory.key(of: memory.snapshots[0]), memory.pack(1)])
        #expect(report.unreferencedPacks == 1)
        #expect(!report.notes.isEmpty)
        #expect(report.wholeSnapshots == 0)
        #expect(report == (try await memory.repository.verify(readData: true)))
    }

    @Test("finds any flipped bit in a pack and in any commit but the newest, and survives it there")
    func anyBit() async throws {
        let memory = try await Memory()
        let newest = Memory.key(of: memory.snapshots[2])
        var flips = 0
        for object in try await memory.store.list(prefix: "").collect() {
            let original = try await memory.store.get(object.key).collect(upTo: 1 << 20)
            for position in stride(from: Int(object.size) % 11, to: Int(object.size), by: 23) {
                var bytes = Array(original.readableBytesView)
                bytes[position] ^= 1 << UInt8(position % 7)
                try await memory.store.put(object.key, .bytes(ByteBuffer(bytes: bytes)), .overwrite)
                do {
                    let report = try await memory.repository.verify(readData: true)
                    let isFound = (report.damages + report.unknown).contains { $0.key == object.key }
                    #expect(isFound || object.key == newest, "byte \(position) of \(object.key)")
                } catch let error as RepositoryError {
                    Issue.record("byte \(position) of \(object.key): \(error)")
                }
                flips += 1
            }
            try await memory.store.put(object.key, .bytes(original), .overwrite)
        }
        #expect(flips > 100)
        #expect(try await memory.repository.verify(readData: true).damages == [])
    }

    @Test("does not call damaged what a newer version wrote")
    func newerFormat() async throws {
        let memory = try await Memory()
        try await memory.replace(#""format":2"#, by: #""format":7"#, in: 2)
        let report = try await memory.repository.verify()
        #expect(report.damages == [])
        #expect(report.unknown.map(\.key) == [Memory.key(of: memory.snapshots[2])])
        #expect(report.snapshots == 2)
    }

    @Test("refuses the memory of another repository")
    func otherRepository() async throws {
        let memory = try await Memory()
        let other = Machine(memory.store, repository: "other/name")
        await #expect { try await other.repository.verify() } throws: {
            ($0 as? RepositoryError)?.kind == .wrongRepository
        }
    }

    @Test("takes a parent that was pruned for no damage, and notes one that is missing in between")
    func missingParents() async throws {
        let memory = try await Memory()
        _ = try await memory.store.delete([Memory.key(of: memory.snapshots[0])])
        let pruned = try await memory.repository.verify(readData: true)
        #expect(pruned.damages == [])
        #expect(pruned.notes == [])
        #expect(pruned.wholeSnapshots == 2)

        let holed = try await Memory()
        _ = try await holed.store.delete([Memory.key(of: holed.snapshots[1])])
        let report = try await holed.repository.verify()
        #expect(report.damages == [])
        #expect(report.notes.contains { $0.contains(holed.snapshots[1].shortID) })
    }

    @Test("tells apart what belongs to no snapshot")
    func strangers() async throws {
        let memory = try await Memory()
        let pack = Digest(of: ByteBuffer(string: "a pack that an interrupted save left")).hexadecimal
        for (key, content) in [
            (Memory.key(ofPack: pack), "left over"), (ObjectKey("memory/github/owner-repo/commits/readme"), "hello"),
            (ObjectKey("memory/github/owner-repo/packs/xyz"), "hello"),
        ] { try await memory.store.put(key, .bytes(ByteBuffer(string: content)), .overwrite) }
        let report = try await memory.repository.verify(readData: true)
        #expect(report.damages == [])
        #expect(report.unreferencedPacks == 1)
        #expect(report.unreferencedBytes == 9)
        #expect(report.strangers.map(\.text).map { $0.suffix(12) } == ["mmits/readme", "po/packs/xyz"])
    }

    @Test("names a file of which a chunk is damaged, and one of which a chunk list is", arguments: [false, true])
    func chunks(listIsDamaged: Bool) async throws {
        let store = MemoryObjectStore()
        let repository = Machine(store).repository
        let writer = SnapshotWriter(repository, upon: try await repository.newest())
        var chunks: [NewFile.Chunk] = []
        var whole = ByteBuffer()
        for number in 0..<300 {
            let bytes = ByteBuffer(string: "the content of chunk \(number)")
            let digest = Digest(of: bytes)
            if writer.claim(digest) { try await writer.write(SnapshotWriter.encode([(digest, bytes)])) }
            chunks.append(NewFile.Chunk(digest: digest, length: bytes.readableBytes))
            whole.writeImmutableBuffer(bytes)
        }
        let path = try #require(RelativePath("large.db"))
        let large = NewFile(path: path, mode: 0o600, modified: 1, digest: Digest(of: whole), chunks: chunks)
        let small = try await Machine.write("small", "content", 1, to: writer)
        let saved = try await repository.save(
            writer, SaveRequest(files: [.new(large), .new(small)], base: nil, writer: "test"))
        let entry = try #require(saved.manifest.entries.first)
        guard case .chunkLists(let lists, _) = entry.content else { throw Problem("the file has no chunk lists") }
        #expect(try await repository.verify(readData: true).damages == [])
        #expect(try await repository.content(of: entry) == whole)

        let hurt = listIsDamaged ? lists[0] : try await repository.blobs(of: entry)[170]
        let key = Memory.key(ofPack: hurt.frame.pack.hexadecimal)
        var bytes = Array(try await store.get(key).collect(upTo: 1 << 20).readableBytesView)
        bytes[hurt.frame.offset + hurt.frame.storedLength - 1] ^= 0x10
        try await store.put(key, .bytes(ByteBuffer(bytes: bytes)), .overwrite)
        let report = try await repository.verify(readData: true)
        try #require(report.damages.map(\.key) == [key])
        #expect(report.damages[0].paths == [path])
        #expect(report.damages[0].pathCount == 1)
        #expect(report.damages[0].snapshots == [saved.snapshot.shortID])
    }

    @Test("throws where the store does not say what is there", arguments: ["commits/", "packs/"])
    func denied(part: String) async throws {
        let memory = try await Memory()
        let refusing = Machine(RefusingStore(base: memory.store, part: part))
        await #expect { try await refusing.repository.verify(readData: true) } throws: {
            ($0 as? StoreError)?.kind == .denied
        }
    }

    @Test("says how far it is")
    func progress() async throws {
        let memory = try await Memory()
        let seen = Seen()
        let report = try await memory.repository.verify(readData: true) { seen.add($0) }
        let last = try #require(seen.all.last)
        #expect(last.donePacks == 3)
        #expect(last.packs == 3)
        #expect(last.doneBytes == report.packBytes)
        #expect(last.bytes == report.packBytes)
    }
}

private struct Problem: Error { init(_ text: String) {} }

private final class Seen: Sendable {
    private let box = NIOLockedValueBox<[VerifyProgress]>([])
    var all: [VerifyProgress] { box.withLockedValue { $0 } }
    func add(_ progress: VerifyProgress) { box.withLockedValue { $0.append(progress) } }
}
