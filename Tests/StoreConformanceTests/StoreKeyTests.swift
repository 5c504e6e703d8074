import Basics
import NIOCore
import ObjectStore
import TestSupport
import Testing

@Suite("Keys and listings of every store")
struct StoreKeyTests {
    /// Keys that clients and servers are known to get wrong.
    static let difficult = [
        "plain", "with space", "plus+plus", "per%20cent", "per%cent", "a&b", "a=b;c", "q?x=1#frag", "tilde~",
        "quote'\"",
        "caf\u{E9}", "cafe\u{301}", "日本語/ファイル", "😀", "semi;colon", "star*", "(paren)", "comma,", "at@colon:",
        "$dollar!",
        "<xml>&amp;", "back`tick|pipe", "{brace}[bracket]^", "UPPER/lower", "trailing.", "dot.file/.hidden", "a.b/c..d",
        String(repeating: "n", count: 255), String(repeating: "1234567/", count: 100) + "end",
    ]

    @Test("Every byte of a key counts", arguments: Backend.all)
    func difficultKeys(_ backend: Backend) async throws {
        try await roundTrip(backend, Self.difficult)
    }

    @Test("A key can have 1,024 bytes", arguments: Backend.all)
    func longestKey(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            var key = "\(prefix)/"
            while key.utf8.count < 1024 { key += String(repeating: "k", count: min(200, 1024 - key.utf8.count)) + "/" }
            let longest = ObjectKey(String(decoding: key.utf8.prefix(1023), as: UTF8.self) + "z")
            try await store.put(longest, .bytes(pattern(3)), .overwrite)
            #expect(try await store.keys("\(prefix)/") == [longest])
            #expect(try await store.read(longest) == pattern(3))
        }
    }

    @Test("Empty parts of a key are kept", arguments: Backend.all(where: \.keepsEmptySegments))
    func emptySegments(_ backend: Backend) async throws {
        try await roundTrip(backend, ["a//b", "a/b", "/lead", "trail//"])
    }

    @Test("Dots in a key have no meaning", arguments: Backend.all(where: \.keepsDotSegments))
    func dotSegments(_ backend: Backend) async throws {
        try await roundTrip(backend, ["a/../b", "b", "./c", "d/.", ".."])
    }

    @Test("Keys with control characters are listed and deleted", arguments: [Backend.memory, .file, .s3(.ministack)])
    func controlCharacters(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let keys = ["line\nbreak", "tab\tstop", "return\rhere"].map { ObjectKey("\(prefix)/\($0)") }
            for key in keys { try await store.put(key, .bytes(pattern(1)), .overwrite) }
            #expect(Set(try await store.keys("\(prefix)/")) == Set(keys))
            #expect(try await store.failures(ofDeleting: keys) == [])
            let left = try await store.keys("\(prefix)/").filter { !backend.isLeftover($0) }
            #expect(left == [])
        }
    }

    private func roundTrip(_ backend: Backend, _ names: [String]) async throws {
        try await backend.open { store, prefix in
            let keys = names.map { ObjectKey("\(prefix)/\($0)") }
            for (index, key) in keys.enumerated() {
                try await store.put(key, .bytes(ByteBuffer(string: "content \(index)")), .overwrite)
            }
            let listed = try await store.keys("\(prefix)/")
            #expect(listed.count == keys.count)
            #expect(Set(listed) == Set(keys))
            for (index, key) in keys.enumerated() {
                #expect(try await store.read(key) == ByteBuffer(string: "content \(index)"), "\(key)")
            }
            #expect(try await store.failures(ofDeleting: keys) == [])
            let left = try await store.keys("\(prefix)/").filter { !backend.isLeftover($0) }
            #expect(left == [])
        }
    }

    @Test("A listing in small pages is complete, in order, and leaves the neighbours out", arguments: Backend.all)
    func pages(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let names = (0..<11).map { "dir/\($0)" } + ["dir-2", "dir.", "dir/sub/x", "é", "zz"]
            let keys = names.map { ObjectKey("\(prefix)/in/\($0)") }
            for key in keys + [ObjectKey("\(prefix)/in2/x"), ObjectKey("\(prefix)/im/x")] {
                try await store.put(key, .bytes(pattern(4)), .overwrite)
            }
            let skipsNonASCII = backend.traits.map { !$0.pagesNonASCIIKeys } ?? false
            let listed = try await store.list(prefix: "\(prefix)/in/", pageSize: skipsNonASCII ? 1000 : 3).collect()
            #expect(Set(listed.map(\.key)) == Set(keys))
            #expect(listed.count == keys.count)
            #expect(listed.allSatisfy { $0.size == 4 && $0.etag != nil && $0.lastModified != nil })
            if backend.traits?.listsInByteOrder ?? true { #expect(listed.map(\.key) == keys.sorted()) }
        }
    }

    @Test("A prefix is compared byte by byte, not name by name", arguments: Backend.all)
    func partialPrefix(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            for name in ["abc/1", "abd/2", "ab", "b"] {
                try await store.put(ObjectKey("\(prefix)/\(name)"), .bytes(pattern(1)), .overwrite)
            }
            let listed = try await store.list(prefix: "\(prefix)/ab").collect().map(\.key.text)
            #expect(Set(listed) == Set(["ab", "abc/1", "abd/2"].map { "\(prefix)/\($0)" }))
        }
    }

    @Test("More than a thousand keys are deleted, and those that are gone already", arguments: Backend.all)
    func deleteMany(_ backend: Backend) async throws {
        try await backend.open { store, prefix in
            let keys = (0..<1050).map { ObjectKey("\(prefix)/\($0 % 7)/\($0)") }
            try await forEachConcurrently(keys.prefix(60), limit: 16) { key in
                _ = try await store.put(key, .bytes(pattern(1)), .overwrite)
            }
            #expect(try await store.failures(ofDeleting: keys) == [])
            let left = try await store.keys("\(prefix)/").filter { !backend.isLeftover($0) }
            #expect(left == [])
            #expect(try await store.failures(ofDeleting: []) == [])
        }
    }
}
