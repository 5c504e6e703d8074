import Basics
import FileIO
import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import Holdfast
@testable import Repository

@Suite("Saves and restores over damage in the store")
struct DamageTests {
    /// What becomes of a pack.
    enum Damage: CaseIterable {
        case lost, cut, flipped
    }

    private func damage(_ pack: Digest, _ damage: Damage, _ fixture: Fixture) async throws {
        let key = fixture.memory().repository.key(ofPack: pack)
        if damage == .lost {
            _ = try await fixture.store.delete([key])
            return
        }
        var bytes = Array(try await fixture.store.get(key).collect(upTo: 1 << 24).readableBytesView)
        if damage == .cut { bytes.removeLast(bytes.count / 2) } else { bytes[bytes.count / 2] ^= 0x55 }
        try await fixture.store.put(key, .bytes(ByteBuffer(bytes: bytes)), .overwrite)
    }

    private func text(_ name: String) -> String { String(repeating: "\(name) is long enough. ", count: 40) }

    @Test("A machine whose base is damaged uploads again what it has", arguments: Damage.allCases)
    func uploadsAgain(_ kind: Damage) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["one": text("one"), "two": text("two")])
            #expect(await fixture.memory().push().success)
            let first = try #require(try await fixture.memory().repository.heads().tip)
            try fixture.write(["three": text("three")])
            #expect(await fixture.memory().push().success)
            try await damage(first.commit.manifest.pack, kind, fixture)
            try fixture.write(["four": text("four")])
            var memory = fixture.memory()
            // Only who reads it can know.
            if kind == .flipped { await memory.workspace.note(damagedPacks: [first.commit.manifest.pack]) }
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(push.warnings.contains { $0.contains("damaged") })
            memory = fixture.memory("fresh")
            let pull = await memory.pull()
            #expect(pull.success, "\(pull)")
            let expected = ["one", "two", "three", "four"]
            #expect(try fixture.files("fresh") == Dictionary(uniqueKeysWithValues: expected.map { ($0, text($0)) }))
        }
    }

    @Test("A head that passed over damage takes nothing from a machine that has it", arguments: Damage.allCases)
    func doesNotSpread(_ kind: Damage) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["one": text("one"), "two": text("two")])
            #expect(await fixture.memory().push().success)
            let first = try #require(try await fixture.memory().repository.heads().tip)
            try await damage(first.commit.manifest.pack, kind, fixture)
            try fixture.write(["new": text("new")], on: "b")
            let other = fixture.memory("b")
            if kind == .flipped { await other.workspace.note(damagedPacks: [first.commit.manifest.pack]) }
            let push = await other.push()
            #expect(push.success, "\(push)")
            // It is told as long as it is there.
            for memory in [fixture.memory("c"), fixture.memory("a")] {
                let pull = await memory.pull()
                #expect(pull.success, "\(pull)")
                #expect(pull.warnings.contains { $0.contains("damaged") }, "\(pull.warnings)")
            }
            #expect(try await fixture.memory("c").status().newest.heads.damaged.map(\.name) == [first.name])
            #expect(try fixture.files("a").keys.sorted() == ["new", "one", "two"])
            #expect(await fixture.memory("a").push().success)
            #expect(await fixture.memory("d").pull().success)
            #expect(try fixture.files("d").keys.sorted() == ["new", "one", "two"])
        }
    }

    @Test("What was passed over is named by later snapshots, also when it is pruned")
    func staysPassedOver() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["one": text("one")])
            #expect(await fixture.memory().push().success)
            let repository = fixture.memory().repository
            let first = try #require(try await repository.heads().tip)
            try await damage(first.commit.manifest.pack, .lost, fixture)
            try fixture.write(["new": text("new")], on: "b")
            #expect(await fixture.memory("b").push().success)
            _ = try await fixture.store.delete([repository.key(of: first.name)])
            try fixture.write(["newer": text("newer")], on: "b")
            #expect(await fixture.memory("b").push().success)
            let heads = try await repository.heads()
            #expect(heads.tip?.commit.passedOver.map(\.name) == [first.name])
            #expect(try await repository.lineage(of: first, to: heads) == .passedOver)
            #expect(await fixture.memory().pull().success)
            #expect(try fixture.files().keys.sorted() == ["new", "newer", "one"])
        }
    }

    @Test("A push of nothing over damage is refused, and the damage stays told")
    func emptyPush() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["one": text("one")])
            #expect(await fixture.memory().push().success)
            let first = try #require(try await fixture.memory().repository.heads().tip)
            try await damage(first.commit.manifest.pack, .lost, fixture)
            try FileManager.default.createDirectory(atPath: fixture.storage("b"), withIntermediateDirectories: true)
            for allowShrink in [false, true] {
                let push = await fixture.memory("b").push(allowShrink: allowShrink)
                #expect(push.error?.code == .damaged)
            }
            #expect(try await fixture.memory().repository.history().snapshots.map(\.id) == [first.id])
            #expect(await fixture.memory("b").pull().error?.code == .damaged)
        }
    }

    @Test("A refused pack stops a save, and nothing is saved over it")
    func refused() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["one": text("one")])
            #expect(await fixture.memory().push().success)
            let first = try #require(try await fixture.memory().repository.heads().tip)
            try fixture.write(["new": text("new")], on: "b")
            let store = ClosedPacks(base: fixture.store)
            let push = await fixture.memory("b", store: store).push()
            #expect(push.error?.code == .refused)
            #expect(await fixture.memory("c", store: store).pull().error?.code == .refused)
            #expect(try await fixture.memory().repository.history().snapshots.map(\.id) == [first.id])
            #expect(await fixture.memory("b").push().success)
            #expect(await fixture.memory("d").pull().success)
            #expect(try fixture.files("d").keys.sorted() == ["new", "one"])
        }
    }

    @Test("A database that is none makes a restore fall back to the snapshot before")
    func noDatabase() async throws {
        try await Fixture.with { fixture in
            let rows = MergeHistoryTests.Rows(fixture: fixture, machine: "a")
            try rows.run(MergeHistoryTests.table + "INSERT INTO part VALUES ('r0', 'x', 1)")
            _ = try await rows.push()
            let repository = fixture.memory().repository
            let newest = try await repository.newest()
            let tip = try #require(newest.tip)
            let writer = SnapshotWriter(repository, upon: newest)
            let content = ByteBuffer(string: "SQLite format 3\0" + String(repeating: "\u{1}", count: 5000))
            let digest = Digest(of: content)
            _ = writer.claim(digest)
            try await writer.write(SnapshotWriter.encode([(digest, content)]))
            let file = NewFile(
                path: try #require(DatabaseEntries.path(of: Array("opencode.db".utf8))), mode: 0o600, modified: 1,
                digest: digest, chunks: [NewFile.Chunk(digest: digest, length: content.readableBytes)])
            let facts = newest.manifests[0].entries.map(\.facts)
            _ = try await repository.save(
                writer, SaveRequest(files: [.new(file)], base: (tip, facts), writer: "test"))
            let b = MergeHistoryTests.Rows(fixture: fixture, machine: "b")
            let pull = try await b.pull()
            #expect(pull.warnings.contains { $0.contains("damaged") }, "\(pull.warnings)")
            #expect(try b.ids() == ["r0"])
            let found = try await fixture.memory().damagedDatabases()
            #expect(found.map { $0.paths.map(\.description) } == [["@data/opencode.db"]])
        }
    }

    @Test("A state with two files of one path is not saved")
    func twice() async throws {
        try await Fixture.with { fixture in
            let repository = fixture.memory().repository
            let writer = SnapshotWriter(repository, upon: try await repository.newest())
            let empty = Digest(of: ByteBuffer())
            for names in [["a", "a"], ["a", "a/b"]] {
                let files = try names.map { name in
                    SaveRequest.File.new(
                        NewFile(
                            path: try #require(RelativePath(name)), mode: 0o600, modified: 1, digest: empty,
                            chunks: []))
                }
                await #expect(throws: RepositoryError.self) {
                    try await repository.save(writer, SaveRequest(files: files, base: nil, writer: "test"))
                }
            }
            #expect(try await repository.heads().isEmpty)
        }
    }
}

/// A store that holds its packs back, as one does whose objects are archived.
private struct ClosedPacks: ObjectStore {
    let base: any ObjectStore

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        if key.text.contains("/packs/") { throw StoreError(.refused, "read", key: key, "the object is archived") }
        return try await base.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }

    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await base.put(key, body, rule)
    }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await base.page(prefix: prefix, after: token, limit: limit)
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }

    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await base.holds(body, as: object)
    }
}
