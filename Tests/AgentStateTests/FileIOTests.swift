import FileIO
import Foundation
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
