import AgentFiles
import FileIO
import Testing

@Suite("Relative paths") struct RelativePathTests {
    @Test(
        "keep the bytes they were made from",
        arguments: ["a", "a/b", "a b/ü/\u{1F426}", ".a", "..a", "a..", "a/...", "~"])
    func valid(_ text: String) throws {
        let path = try relative(text)
        #expect(path.bytes == Array(text.utf8))
        #expect(path.utf8String == text)
        #expect(
            path.components.map { String(decoding: $0, as: UTF8.self) } == text.split(separator: "/").map(String.init))
    }

    @Test(
        "cannot be made from what points elsewhere or names nothing",
        arguments: ["", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/..", "a/../b", "a/.", "a\0b", "\0"])
    func invalid(_ text: String) { #expect(RelativePath(text) == nil) }

    @Test("an NFC and an NFD spelling are two paths")
    func normalForms() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed, "Swift calls the two texts equal")
        #expect(try relative(composed) != relative(decomposed))
        #expect(try Set([relative(composed), relative(decomposed)]).count == 2)
    }

    @Test("names that are not UTF-8 have no text but can be shown")
    func notText() throws {
        let path = try #require(RelativePath([0x61, 0xFF, 0x2F, 0x62]))
        #expect(path.utf8String == nil)
        #expect(path.description == "a\\xff/b")
        #expect(try relative("a\nb").description == "a\\x0ab")
        #expect(RelativePath([0xED, 0xA0, 0x80])?.utf8String == nil, "a surrogate is not UTF-8")
    }

    @Test("are ordered by bytes, like keys in S3")
    func order() throws {
        let sorted = try ["B", "a", "a.b", "a/b", "ab", "b", "\u{E9}", "\u{FFFF}", "\u{10000}"].map(relative)
        #expect(sorted.reversed().sorted() == sorted)
        #expect(try !(relative("a") < relative("a")))
        #expect(try relative("a") < relative("a\u{1}"))
    }

    @Test("know their name and directory")
    func parts() throws {
        let path = try relative("a/b/c")
        #expect(Array(path.name) == Array("c".utf8))
        #expect(try path.parent == relative("a/b"))
        #expect(try relative("a").parent == nil)
        #expect(RelativePath(components: ["a", "b", "c"].map(\.utf8)) == path)
        #expect(RelativePath(components: ["a", "b/c"].map(\.utf8)) == nil)
        #expect(RelativePath(components: ["a", ".."].map(\.utf8)) == nil)
        #expect(RelativePath(components: [[UInt8]]()) == nil)
    }
}
