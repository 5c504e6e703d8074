import FileIO
import Foundation
import NIOCore
import ObjectStore
import Repository
import Testing

/// A memory of three snapshots: `a` alone, then `b` beside it, then another `a`. Each has a pack of its own.
struct Memory {
    let store = MemoryObjectStore()
    var machine: Machine
    /// The oldest first.
    var snapshots: [Snapshot] = []

    var repository: Repository { machine.repository }

    init() async throws {
        machine = Machine(store)
        machine.write("a", "the first version of a, which is long enough to be compressed: aaaaaaaaaaaaaaaaaaaaaaa")
        snapshots.append(try await machine.save().snapshot)
        machine.write("b", "the only version of b, which is long enough to be compressed: bbbbbbbbbbbbbbbbbbbbbbbb")
        snapshots.append(try await machine.save().snapshot)
        machine.write("a", "the second version of a, which is long enough to be compressed: AAAAAAAAAAAAAAAAAAAAAA")
        snapshots.append(try await machine.save().snapshot)
    }

    static func key(ofPack pack: String) -> ObjectKey {
        ObjectKey("memory/github/owner-repo/packs/\(pack.prefix(2))/\(pack)")
    }

    static func key(of snapshot: Snapshot) -> ObjectKey {
        ObjectKey("memory/github/owner-repo/commits/\(snapshot.name)")
    }

    func pack(_ number: Int) -> ObjectKey { Self.key(ofPack: snapshots[number].commit.manifest.pack.hexadecimal) }

    /// Replaces an object by what a closure makes of it.
    func change(_ key: ObjectKey, _ change: (inout [UInt8]) throws -> Void) async throws {
        var bytes = Array(try await store.get(key).collect(upTo: 1 << 24).readableBytesView)
        try change(&bytes)
        try await store.put(key, .bytes(ByteBuffer(bytes: bytes)), .overwrite)
    }

    func replace(_ old: String, by new: String, in snapshot: Int) async throws {
        try await change(Self.key(of: snapshots[snapshot])) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            try #require(text.contains(old))
            bytes = Array(text.replacingOccurrences(of: old, with: new).utf8)
        }
    }

    func flip(_ key: ObjectKey, at position: Int) async throws { try await change(key) { $0[position] ^= 1 } }
}

/// One kind of damage: how it is made, and what has to be said of it.
struct Plant: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (Memory) async throws -> Void
    /// The damaged object.
    let key: @Sendable (Memory) -> ObjectKey
    let reason: String
    /// The snapshots that are hurt, the newest first.
    let snapshots: [Int]
    var paths: [String] = []
    /// Files that are hurt, those whose paths cannot be told included.
    let count: Int
    /// Only a download shows it.
    var needsData = false

    static let all: [Plant] = [
        Plant(
            testDescription: "a flipped bit in a file's frame", make: { try await $0.flip($0.pack(0), at: 25) },
            key: { $0.pack(0) }, reason: "its SHA-256 is not its name", snapshots: [1, 0], paths: ["a"], count: 1,
            needsData: true),
        Plant(
            testDescription: "a flipped bit that nothing refers to", make: { try await $0.flip($0.pack(0), at: 7) },
            key: { $0.pack(0) }, reason: "its SHA-256 is not its name", snapshots: [], count: 0, needsData: true),
        Plant(
            testDescription: "a flipped bit in a manifest's root",
            make: { try await $0.flip($0.pack(2), at: $0.snapshots[2].commit.manifest.root.frame.offset + 8) },
            key: { $0.pack(2) }, reason: "a frame cannot be expanded", snapshots: [2], count: 2),
        Plant(
            testDescription: "a flipped bit in a pack list",
            make: { memory in
                let list = try #require(memory.snapshots[2].commit.manifest.packList)
                try await memory.flip(memory.pack(2), at: list.frame.offset + 8)
            },
            key: { $0.pack(2) }, reason: "a frame cannot be expanded", snapshots: [2], count: 2),
        Plant(
            testDescription: "a flipped bit in a manifest's page",
            make: { try await $0.flip($0.pack(1), at: $0.snapshots[1].commit.manifest.pages + 8) },
            key: { $0.pack(1) }, reason: "a frame cannot be expanded", snapshots: [1], count: 2),
        Plant(
            testDescription: "a pack that is cut inside a file",
            make: { try await $0.change($0.pack(0)) { $0.removeSubrange(30...) } },
            key: { $0.pack(0) }, reason: "it has 30 bytes and not", snapshots: [1, 0], paths: ["a"], count: 2),
        Plant(
            testDescription: "a pack that is empty", make: { try await $0.change($0.pack(0)) { $0 = [] } },
            key: { $0.pack(0) }, reason: "it has 0 bytes and not", snapshots: [1, 0], paths: ["a"], count: 2),
        Plant(
            testDescription: "a pack that is gone", make: { _ = try await $0.store.delete([$0.pack(1)]) },
            key: { $0.pack(1) }, reason: "it does not exist", snapshots: [2, 1], paths: ["b"], count: 3),
        Plant(
            testDescription: "a commit that is not JSON",
            make: { try await $0.change(Memory.key(of: $0.snapshots[1])) { $0[0] = 0x20 } },
            key: { Memory.key(of: $0.snapshots[1]) }, reason: "not the JSON of a commit", snapshots: [1], count: 0),
        Plant(
            testDescription: "a commit that is empty",
            make: { try await $0.change(Memory.key(of: $0.snapshots[0])) { $0 = [] } },
            key: { Memory.key(of: $0.snapshots[0]) }, reason: "not the JSON of a commit", snapshots: [0], count: 0),
        Plant(
            testDescription: "a commit with the bytes of its parent",
            make: { memory in
                let parent = memory.snapshots[0].bytes
                try await memory.change(Memory.key(of: memory.snapshots[1])) { $0 = Array(parent.readableBytesView) }
            },
            key: { Memory.key(of: $0.snapshots[1]) }, reason: "its number is not that of its key", snapshots: [1],
            count: 0),
        Plant(
            testDescription: "a commit with the bytes of its child",
            make: { memory in
                let child = memory.snapshots[1].bytes
                try await memory.change(Memory.key(of: memory.snapshots[0])) { $0 = Array(child.readableBytesView) }
            },
            key: { Memory.key(of: $0.snapshots[0]) }, reason: "its number is not that of its key", snapshots: [0],
            count: 0),
        Plant(
            testDescription: "a newest commit that miscounts its files",
            make: { try await $0.replace(#""files":2"#, by: #""files":3"#, in: 2) },
            key: { Memory.key(of: $0.snapshots[2]) }, reason: "does not say how many files", snapshots: [2], count: 0),
        Plant(
            testDescription: "a commit that says it belongs to another repository",
            make: { try await $0.replace("owner/repo", by: "owner/oops", in: 1) },
            key: { Memory.key(of: $0.snapshots[1]) }, reason: "it belongs to 'owner/oops'", snapshots: [1], count: 0),
    ]
}

/// A store that may be listed and not read below a part of the keys, as far as a right is missing.
struct RefusingStore: ObjectStore {
    let base: MemoryObjectStore
    let part: String

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    private func check(_ key: ObjectKey) throws(StoreError) {
        if key.text.contains(part) { throw StoreError(.denied, "read", key: key, "may not be read") }
    }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try check(key)
        return try await base.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        try check(key)
        return try await base.head(key)
    }

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
