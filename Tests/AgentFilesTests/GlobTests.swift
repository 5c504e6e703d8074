import AgentFiles
import FileIO
import Testing

@Suite("Include patterns") struct GlobTests {
    @Test(
        "match",
        arguments: [
            ("log", "log"), ("log", "log/a"), ("log", "log/a/b"), ("log/", "log/a"), ("/log/", "log/a/b"),
            ("log/*", "log/a"), ("log/*", "log/a/b"), ("log/**", "log/a/b"), ("log/**/c", "log/c"),
            ("log/**/c", "log/a/b/c"), ("log/**/c", "log/a/b/c/d"), ("**/c", "c"), ("**/c", "a/b/c"), ("**", "a/b"),
            ("*.log", "a.log"), ("*.log", "log/a.log"), ("*.log", "log/b/.log"), ("a*b*c", "aXbYbZc"),
            ("a**c", "a/b/c"),
            ("log/?.txt", "log/\u{E9}.txt"), ("log/?", "log/\u{1F426}"), ("[a-c]x", "bx"), ("[!a-c]x", "dx"),
            ("[^a]x", "\u{E9}x"), ("[]]x", "]x"), ("[a-]x", "-x"), ("a[", "a["), ("a[b", "a[b"), ("\\*", "*"),
            ("\\[a]", "[a]"), ("a\\", "a\\"), ("log/a\u{E9}", "log/a\u{E9}"), ("a/", "x/a/b"), ("**/**/x", "x"),
            ("***", "abc"), ("a/**", "a/b"), ("**/a/**/b", "x/a/y/z/b"),
        ])
    func matches(_ pattern: String, _ path: String) throws {
        #expect(try #require(Glob(pattern)).matches(relative(path)))
    }

    @Test(
        "do not match",
        arguments: [
            ("log", "logs"), ("log", "log.txt"), ("/log", "a/log"), ("log/", "log"), ("log/*.txt", "a/log/b.txt"),
            ("log/*.txt", "log/b/c.txt"), ("log/?", "log/ab"), ("??", "\u{E9}"), ("a?b", "a/b"), ("a*b", "a/b"),
            ("log/**/c", "log/xc"), ("**/c", "xc"), ("[a-c]x", "dx"), ("[!a-c]x", "bx"), ("a[!b]c", "a/c"),
            ("[z-a]x", "mx"), ("\\*", "a"), ("LOG", "log"), ("caf\u{E9}", "cafe\u{301}"), ("a/b", "a"), ("", "a"),
            ("/", "a"), ("a/**", "a"),
        ])
    func doesNotMatch(_ pattern: String, _ path: String) throws {
        #expect(try Glob(pattern)?.matches(relative(path)) != true)
    }

    @Test("match names that are not UTF-8")
    func bytes() throws {
        let path = try #require(RelativePath([0x61, 0xFF, 0x62]))
        #expect(Glob("a*b")?.matches(path) == true)
        #expect(Glob("a?b")?.matches(path) == true)
    }

    @Test("a pattern made to explode takes no longer than another")
    func hostile() throws {
        let pattern = try #require(Glob(String(repeating: "*a", count: 200) + "b"))
        let path = try relative(String(repeating: "a", count: 2000))
        #expect(!pattern.matches(path))
    }
}
