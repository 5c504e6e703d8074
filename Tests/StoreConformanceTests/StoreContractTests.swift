import FileIO
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@Suite("The contract of every store")
struct StoreContractTests {
    @Test("What was written is read back", arguments: Backend.all, [0, 1, 65_536, 5_000_000, 20_000_001])
    func roundTrip(_ backend: Backend, size: Int) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            let content = pattern(size)
            let written = try await store.put(key, .bytes(content), .overwrite)
            #expect(written.size == Int64(size))
            let info = try await store.head(key)
            #expect(info.size == Int64(size))
            #expect(try await store.read(key) == content)
        }
    }

    @Test("A file is stored as its bytes are", arguments: Backend.all, [0, 3_000_000, 20_000_001])
    func fromFile(_ backend: Backend, size: Int) async throws {
        try await backend.open { store, prefix in
            try await withTemporaryDirectory { directory in
                let content = pattern(size, seed: 7)
                let path = directory.path + "/source"
                try Data(content.readableBytesView).write(to: URL(fileURLWithPath: path))
                let key = ObjectKey("\(prefix)/from-file")
                let written = try await store.put(key, .file(at: path), .overwrite)
                #expect(written.size == Int64(size))
                #expect(try await store.read(key) == content)
            }
        }
    }

    @Test("An overwrite replaces the whole object", arguments: Backend.all)
    func overwrite(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            let first = try await store.put(key, .bytes(pattern(5000)), .overwrite)
            let second = try await store.put(key, .bytes(pattern(10, seed: 1)), .overwrite)
            #expect(first.etag != second.etag)
            #expect(try await store.read(key) == pattern(10, seed: 1))
        }
    }

    @Test(
        "A create fails where the key is taken, and changes nothing",
        arguments: Backend.all(where: \.honoursConditionalPut))
    func createOnly(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            try await store.put(key, .bytes(pattern(10)), .createOnly)
            #expect(await kind { try await store.put(key, .bytes(pattern(20)), .createOnly) } == .alreadyExists)
            #expect(try await store.read(key) == pattern(10))
        }
    }

    @Test(
        "Of writers that create one key at once exactly one wins",
        arguments: Backend.all(where: \.honoursConditionalPut))
    func race(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
                for writer in 0..<12 {
                    group.addTask {
                        do {
                            try await store.put(key, .bytes(ByteBuffer(string: "writer \(writer)")), .createOnly)
                            return writer
                        } catch let error as StoreError where [.alreadyExists, .conflict].contains(error.kind) {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(winners.count == 1)
            #expect(try await store.read(key) == ByteBuffer(string: "writer \(winners.first ?? -1)"))
        }
    }

    @Test("What is not there is proven absent", arguments: Backend.all)
    func absent(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/nothing")
            #expect(await kind { _ = try await store.head(key) } == .notFound)
            #expect(await kind { _ = try await store.get(key) } == .notFound)
            let keys = try await store.keys("\(prefix)/")
            #expect(keys == [])
            #expect(try await store.exists(key) == false)
        }
    }

    @Test(
        "A range is cut out of the object", arguments: Backend.all,
        [(Int64(0), Int64(1)), (0, 1000), (37, 512), (999, 1000), (990, 5000), (500, 500)])
    func range(_ backend: Backend, bounds: (Int64, Int64)) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            try await store.put(key, .bytes(pattern(1000)), .overwrite)
            let content = try await store.get(key, range: bounds.0..<bounds.1, ifMatch: nil)
            let end = min(bounds.1, 1000)
            #expect(content.info.size == 1000)
            #expect(content.range == bounds.0..<end)
            let expected = pattern(1000).getSlice(at: Int(bounds.0), length: Int(end - bounds.0))
            #expect(try await content.collect(upTo: 1000) == expected)
        }
    }

    @Test("A range behind the end is an error", arguments: Backend.all)
    func rangeBehindTheEnd(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            try await store.put(key, .bytes(pattern(10)), .overwrite)
            #expect(await kind { _ = try await store.read(key, range: 10..<20) } == .invalid)
        }
    }

    @Test(
        "A read of a certain version fails once another is there",
        arguments: Backend.all(where: \.honoursConditionalGet))
    func ifMatch(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            try await store.put(key, .bytes(pattern(10)), .overwrite)
            let first = try await store.head(key)
            #expect(try await store.read(key, ifMatch: first.etag) == pattern(10))
            try await store.put(key, .bytes(pattern(11)), .overwrite)
            #expect(await kind { _ = try await store.read(key, ifMatch: first.etag) } == .preconditionFailed)
        }
    }

    @Test("Content is told from other content of the same size", arguments: Backend.all, [100, 20_000_001])
    func holds(_ backend: Backend, size: Int) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            try await store.put(key, .bytes(pattern(size)), .overwrite)
            let info = try #require(try await store.list(prefix: key.text).collect().first)
            #expect(try await store.holds(.bytes(pattern(size)), as: info))
            #expect(try await store.holds(.bytes(pattern(size, seed: 1)), as: info) == false)
            #expect(try await store.holds(.bytes(pattern(size - 1)), as: info) == false)
            try await withTemporaryDirectory { directory in
                let path = directory.path + "/same"
                try Data(pattern(size).readableBytesView).write(to: URL(fileURLWithPath: path))
                #expect(try await store.holds(.file(at: path), as: info))
            }
        }
    }

    @Test("A large object is read in ranges at once", arguments: Backend.all)
    func rangedDownload(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            let written = try await store.put(key, .bytes(pattern(20_000_001)), .overwrite)
            try await withTemporaryDirectory { directory in
                let path = directory.path + "/copy"
                let file = try File.open(path, [.readWrite, .createNew])
                _ = try await store.download(written, into: file, partSize: 3_000_000)
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(pattern(20_000_001).readableBytesView))
            }
        }
    }

    @Test("A cancelled task writes nothing", arguments: Backend.all)
    func cancelled(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let key = ObjectKey("\(prefix)/object")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await kind { try await store.put(key, .bytes(pattern(10)), .overwrite) }
            }
            #expect(await task.value == .cancelled)
            let exists = try await store.exists(key)
            #expect(!exists)
        }
    }
}
