import FileIO
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Names from a store") struct SafePathsTests {
    typealias Reason = SafePaths.Reason

    @Test(
        "are refused one by one, with the reason",
        arguments: [
            ("", .empty), ("/etc/passwd", .absolute), ("//a", .absolute), ("a//b", .emptyComponent),
            ("a///", .emptyComponent),
            (".", .dotComponent), ("..", .dotComponent), ("../x", .dotComponent), ("a/../b", .dotComponent),
            ("a/./b", .dotComponent), ("a/..", .dotComponent), ("../", .dotComponent), ("a\\b", .backslash),
            ("..\\x", .backslash),
            ("a\0b", .controlCharacter), ("a\nb", .controlCharacter), ("\u{1B}[2J", .controlCharacter),
            ("a\u{7F}", .controlCharacter), ("a/", .directory), (String(repeating: "x", count: 256), .componentTooLong),
            (String(repeating: "x/", count: 2048) + "x", .pathTooLong), (".holdfast-0123456789abcdef.tmp/x", .reserved),
        ] as [(String, Reason)])
    func refused(_ path: String, _ reason: Reason) {
        let result = SafePaths.check([Array(path.utf8)])
        #expect(result.accepted.isEmpty)
        #expect(result.refused == [.init(path: Array(path.utf8), reason: reason)])
    }

    @Test("that are paths already are judged as those that are only bytes", arguments: 1...20)
    func paths(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let parts: [[UInt8]] = [
            "a", ".", "..", ".a", "\\", "\u{7F}", "\u{1F}", "\n", "é", ".holdfast-0123456789abcdef.tmp",
            ".holdfast-0123456789abcdeg.tmp", String(repeating: "x", count: 255), String(repeating: "x", count: 250),
            "x", "yyy",
        ].map { Array($0.utf8) }
        for _ in 0..<200 {
            var bytes: [UInt8] = []
            for index in 0..<Int.random(in: 1...5, using: &random) {
                if index > 0 { bytes.append(UInt8(ascii: "/")) }
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    bytes += try #require(parts.randomElement(using: &random))
                }
            }
            guard let path = RelativePath(bytes: bytes) else { continue }
            #expect(SafePaths.check([path]) == SafePaths.check([bytes]), "\(path)")
        }
    }

    @Test("that are unusual but harmless are accepted")
    func accepted() throws {
        var paths = [".version", "..a", "a..b", "a b", "~", "-rf", "CON", "a:b", "*", "\u{202E}x", "\u{1F426}"].map {
            Array($0.utf8)
        }
        paths.append([UInt8](repeating: 0x78, count: 255))
        paths.append([0x61, 0xFF])
        paths.append(Array((String(repeating: "x/", count: 2047) + "yy").utf8))
        let result = SafePaths.check(paths)
        #expect(result.refused.isEmpty)
        #expect(Set(result.accepted.map(\.bytes)) == Set(paths))
        #expect(result.accepted == result.accepted.sorted())
    }

    @Test(
        "of a group that is one name on some file system, one is accepted",
        arguments: [
            (["Foo", "foo"], [.sameIgnoringCase("Foo")]),
            (["foo", "FOO", "Foo"], [.sameIgnoringCase("FOO"), .sameIgnoringCase("FOO")]),
            (["a/Foo/b", "A/foo/B"], [.sameIgnoringCase("A/foo/B")]),
            (["caf\u{E9}", "cafe\u{301}"], [.sameWhenNormalized("cafe\u{301}")]),
            (["CAF\u{C9}", "cafe\u{301}"], [.sameIgnoringCase("CAF\u{C9}")]),
            (["stra\u{DF}e", "STRASSE"], [.sameIgnoringCase("STRASSE")]),
            (["\u{3C3}", "\u{3C2}"], [.sameIgnoringCase("\u{3C2}")]),
            (["same", "same"], [.duplicate]),
        ] as [([String], [Expected])])
    func collisions(_ paths: [String], _ reasons: [Expected]) throws {
        let result = SafePaths.check(paths.map { Array($0.utf8) })
        #expect(
            result.accepted.map(\.bytes) == [
                try #require(paths.map { Array($0.utf8) }.min { $0.lexicographicallyPrecedes($1) })
            ])
        #expect(result.refused.map(\.reason) == reasons.map(\.reason))
    }

    /// A reason with a path given as text.
    enum Expected: Sendable {
        case sameIgnoringCase(String)
        case sameWhenNormalized(String)
        case duplicate
        var reason: Reason? {
            switch self {
            case .sameIgnoringCase(let text): RelativePath(text).map { .sameIgnoringCase($0) }
            case .sameWhenNormalized(let text): RelativePath(text).map { .sameWhenNormalized($0) }
            case .duplicate: .duplicate
            }
        }
    }

    @Test("that are different on every file system do not collide")
    func distinct() throws {
        let paths: [[UInt8]] = [
            Array("Dir/a".utf8), Array("dir/b".utf8), Array("e".utf8), Array("\u{E9}".utf8), [0xFF], [0xFE],
            Array("ab".utf8),
        ]
        #expect(SafePaths.check(paths).accepted.count == paths.count)
    }

    @Test("a file in the way of a directory is refused, what is below the directory is not")
    func clashes() throws {
        let result = SafePaths.check(["a", "a/b", "a/c", "A.x", "X/y/z", "x/Y"].map { Array($0.utf8) })
        #expect(try result.accepted == ["A.x", "X/y/z", "a/b", "a/c"].map(relative))
        #expect(
            try Set(result.refused) == [
                .init(path: Array("a".utf8), reason: .directoryInTheWay(holding: relative("a/b"))),
                .init(path: Array("x/Y".utf8), reason: .directoryInTheWay(holding: relative("X/y/z"))),
            ])
    }

    @Test("are checked against what stays on the disk")
    func existing() throws {
        let result = SafePaths.check(
            ["foo", "bar", "BAR", "file/below", "dir", "new"].map { Array($0.utf8) },
            existing: try ["Foo", "bar", "file", "dir/inside"].map(relative))
        #expect(try result.accepted == ["bar", "new"].map(relative))
        #expect(
            try Dictionary(
                uniqueKeysWithValues: result.refused.map {
                    (printable: String(decoding: $0.path, as: UTF8.self), $0.reason)
                }) == [
                    "foo": .sameIgnoringCase(relative("Foo")), "BAR": .sameIgnoringCase(relative("bar")),
                    "file/below": .fileInTheWay(relative("file")),
                    "dir": .directoryInTheWay(holding: relative("dir/inside")),
                ])
    }

    @Test("that this disk already tells apart are accepted together")
    func toldApart() throws {
        let both = try ["Foo", "foo"].map(relative)
        #expect(SafePaths.check(both, existing: both).accepted == both)
    }

    @Test("reasons are words, and hostile names are shown harmlessly")
    func words() throws {
        let result = SafePaths.check([Array("a\u{1B}[2J\n/b".utf8), Array("foo".utf8), Array("Foo".utf8)])
        #expect(
            Set(result.refused.map(\.description)) == [
                #"'a\x1b[2J\x0a/b' cannot be written: it contains a control character"#,
                "'foo' cannot be written: only upper and lower case tell it from 'Foo'",
            ])
    }

    @Test("a set that is accepted is accepted again, whatever was refused beside it")
    func stable() throws {
        let hostile = ["a", "a/b", "A/B/c", "A", "../x", "b\u{301}", "B\u{301}/c", "caf\u{E9}", "cafe\u{301}/x"]
        let accepted = SafePaths.check(hostile.map { Array($0.utf8) }).accepted
        let again = SafePaths.check(accepted)
        #expect(again.accepted == accepted && again.refused.isEmpty)
    }
}
