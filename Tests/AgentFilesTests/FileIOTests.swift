import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@Suite("What the storage directory needs of FileIO") struct FileIOTests {
    @Test(
        "text for people is text as it is, with control characters and broken bytes spelled out",
        arguments: [
            ([], ""), (Array("plain name".utf8), "plain name"),
            (Array("caf\u{E9} \u{1F426}".utf8), "caf\u{E9} \u{1F426}"),
            (Array("a\nb\u{1B}\0\u{7F}".utf8), #"a\x0ab\x1b\x00\x7f"#), (Array("\u{202E}x".utf8), #"\xe2\x80\xaex"#),
            ([0x61, 0xFF, 0x2F, 0x62], #"a\xff/b"#), ([0xE2, 0x80], #"\xe2\x80"#), ([0xC3], #"\xc3"#),
            ([0xFF, 0xFE, 0xFD, 0xC3, 0xA9], "\\xff\\xfe\\xfd\u{E9}"), ([0xF0, 0x9F, 0x41], #"\xf0\x9fA"#),
            ([0xED, 0xA0, 0x80], #"\xed\xa0\x80"#),
        ] as [([UInt8], String)])
    func printed(_ bytes: [UInt8], _ expected: String) {
        #expect(printable(bytes).utf8.elementsEqual(expected.utf8))
        #expect(printable(AnySequence(bytes)).utf8.elementsEqual(expected.utf8))
    }

    @Test("errors name the whole path of what was opened below a directory")
    func paths() throws {
        let tree = try TemporaryTree()
        try makeDirectories(tree.path + "/a")
        let directory = try File.open(
            Array("a".utf8), in: File.open(tree.path, [.read, .directory]), [.read, .directory])
        let error = #expect(throws: FileError.self) { try File.open(Array("b".utf8), in: directory, [.read]) }
        #expect(error?.path == tree.path + "/a/b")
        #expect(error?.isNotFound == true)
        let named = #expect(throws: FileError.self) {
            try File.open(Array("b".utf8), in: directory, [.read], shownAs: File.ShownPath(Array("final".utf8)))
        }
        #expect(named?.path == "final")
    }

    @Test("a name with a NUL reaches no system call", arguments: [[0], [0x61, 0], [0x61, 0, 0x62]] as [[UInt8]])
    func nul(_ name: [UInt8]) throws {
        let tree = try TemporaryTree()
        try tree.write("a")
        let directory = try File.open(tree.path, [.read, .directory])
        #expect(throws: FileError.self) { try File.open(name, in: directory, [.read]) }
        #expect(throws: FileError.self) { try directory.remove(name) }
        #expect(tree.exists("a"))
    }

    @Test("a file is made with content, time and rights, and what the system says of it comes back")
    func create() throws {
        let tree = try TemporaryTree()
        let directory = try File.open(tree.path, [.read, .directory])
        let status = try File.create(
            Array("new".utf8)[...], in: directory, ByteBuffer(string: "content"), modified: -1_500_000_001,
            permissions: 0o600, shownAs: File.ShownPath(Array("final".utf8)))
        #expect(try tree.contents() == ["new": "content"])
        #expect(try FileStatus.at(tree.path + "/new") == status)
        #expect(status.modified == -1_500_000_001)
        #expect(status.permissions == 0o600)
    }

    @Test(
        "a file is not made where its name is taken, by a link, or no name", arguments: ["taken", "link", "a\0b", ""])
    func createTaken(_ name: String) throws {
        let tree = try TemporaryTree()
        try tree.write("taken", "old")
        try FileManager.default.createSymbolicLink(atPath: tree.path + "/link", withDestinationPath: "elsewhere")
        let before = try tree.names()
        let directory = try File.open(tree.path, [.read, .directory])
        let error = #expect(throws: FileError.self) {
            try File.create(
                Array(name.utf8)[...], in: directory, ByteBuffer(string: "new"), modified: nil, permissions: 0o600,
                shownAs: File.ShownPath(Array("final".utf8)))
        }
        #expect(error?.path == "final")
        #expect(try tree.names() == before)
        #expect(try String(contentsOfFile: tree.path + "/taken", encoding: .utf8) == "old")
    }

    @Test("cancelling a task reaches the blocking work that it waits for")
    func cancellation() async throws {
        let (started, start) = AsyncStream<Void>.makeStream()
        let task = Task {
            try await FileIO.run { cancellation in
                start.finish()
                while true {
                    try cancellation.check()
                    sched_yield()
                }
            }
        }
        for await _ in started {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
