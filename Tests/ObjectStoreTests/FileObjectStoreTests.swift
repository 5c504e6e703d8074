import Basics
import FileIO
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@Suite("The store in a directory")
struct FileObjectStoreTests {
    private func with(_ body: (FileObjectStore, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let root = directory.path + "/store"
            try await body(FileObjectStore(root: root), root)
        }
    }

    private let content = ObjectBody.bytes(ByteBuffer(string: "content"))

    @Test("An object is a plain file at the path of its key")
    func layout() async throws {
        try await with { store, root in
            try await store.put(ObjectKey("p/github/o-r/storage/a.json"), content, .overwrite)
            #expect(try String(contentsOfFile: root + "/p/github/o-r/storage/a.json", encoding: .utf8) == "content")
        }
    }

    @Test(
        "No key leads out of the root",
        arguments: ["../x", "a/../../x", "/etc/x", "..", "a/..", "./../x", "nul\0/../x"])
    func escape(_ name: String) async throws {
        try await with { store, root in
            try await store.put(ObjectKey(name), content, .overwrite)
            let parent = URL(fileURLWithPath: root).deletingLastPathComponent().path
            #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == ["store"])
            let found = try await store.list(prefix: "").collect().map(\.key)
            #expect(found == [ObjectKey(name)])
        }
    }

    @Test("A symbolic link below the root is not followed")
    func links() async throws {
        try await with { store, root in
            try await store.put(ObjectKey("a/b"), content, .overwrite)
            let outside = URL(fileURLWithPath: root).deletingLastPathComponent().path + "/outside"
            try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try Data("secret".utf8).write(to: URL(fileURLWithPath: outside + "/file"))
            #expect(symlink(outside, root + "/link") == 0)
            #expect(symlink(outside + "/file", root + "/a/file") == 0)
            await #expect(throws: StoreError.self) { _ = try await store.get(ObjectKey("link/file")) }
            await #expect(throws: StoreError.self) { _ = try await store.get(ObjectKey("a/file")) }
            await #expect(throws: StoreError.self) { try await store.put(ObjectKey("link/new"), content, .overwrite) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["file"])
            let keys = try await store.list(prefix: "").collect().map(\.key.text)
            #expect(keys == ["a/b"])
        }
    }

    @Test(
        "One name cannot be a file and a directory, and the message says so", arguments: [("a", "a/b"), ("a/b", "a")])
    func fileAndDirectory(first: String, second: String) async throws {
        try await with { store, _ in
            try await store.put(ObjectKey(first), content, .overwrite)
            let error = await #expect(throws: StoreError.self) {
                try await store.put(ObjectKey(second), content, .overwrite)
            }
            #expect(error?.kind == .invalid)
            #expect(error?.hint?.contains("S3") == true)
            let keys = try await store.list(prefix: "").collect().map(\.key.text)
            #expect(keys == [first])
        }
    }

    @Test("Deleting the last object of a directory removes the directory, not its neighbours")
    func emptyDirectories() async throws {
        try await with { store, root in
            for key in ["a/b/c/1", "a/b/2"] { try await store.put(ObjectKey(key), content, .overwrite) }
            _ = try await store.delete([ObjectKey("a/b/c/1")])
            #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/a/b") == ["2"])
        }
    }

    @Test("A failed write leaves nothing behind")
    func failedWrite() async throws {
        try await with { store, root in
            try await store.put(ObjectKey("taken"), content, .overwrite)
            await #expect(throws: StoreError.self) { try await store.put(ObjectKey("taken"), content, .createOnly) }
            let long = ObjectKey(String(repeating: "x", count: 256))
            await #expect(throws: StoreError.self) { try await store.put(long, content, .overwrite) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/%staging").isEmpty)
        }
    }

    @Test("Writers and deleters of one directory do not disturb each other")
    func deletesBesideWrites() async throws {
        try await with { store, _ in
            try await forEachConcurrently(0..<200, limit: 16) { number in
                let key = ObjectKey("dir/sub/\(number % 4)")
                if number.isMultiple(of: 2) {
                    try await store.put(key, .bytes(ByteBuffer(string: "\(number)")), .overwrite)
                } else {
                    #expect(try await store.delete([key]).isEmpty)
                }
            }
        }
    }
}
