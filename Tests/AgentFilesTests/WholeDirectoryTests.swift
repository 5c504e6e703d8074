import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("New directories that move as a whole") struct WholeDirectoryTests {
    struct Broken: Error, Equatable {}
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    private func staged(_ names: [String], _ expected: StagedTree.Expectation = .anything) throws -> StagedTree {
        let staged = try StagedTree.open(tree.path)
        let files = try names.map {
            StagedTree.NewFile(path: try relative($0), content: ByteBuffer(string: "new \($0)"), expecting: expected)
        }
        try staged.writeFiles(files)
        return staged
    }

    @Test("are the very directories that were staged, below what is there already")
    func oneMove() throws {
        try tree.write("old/file")
        let staged = try staged(["new/a/x", "new/y", "old/new/z", "old/w"])
        let staging = try #require(try tree.names().first { $0.hasPrefix(".holdfast-") })
        let names = ["new", "new/a", "old/new"]
        let inodes = try names.map { try FileStatus.at("\(tree.path)/\(staging)/files/\($0)").inode }
        try staged.commit()
        #expect(try names.map { try FileStatus.at("\(tree.path)/\($0)").inode } == inodes)
        #expect(
            try tree.contents() == [
                "new": "-", "new/a": "-", "new/a/x": "new new/a/x", "new/y": "new new/y", "old": "-",
                "old/file": "x", "old/new": "-", "old/new/z": "new old/new/z", "old/w": "new old/w",
            ])
    }

    @Test("bring no directory that no file is for")
    func noEmptyDirectories() throws {
        let staged = try staged(["a/b/c", "a/d/e/f", "a/x", "y/z/w", "k/l"])
        for name in ["a/b/c", "a/d/e/f", "y/z/w"] { staged.unstage(try relative(name)) }
        staged.remove(try relative("k/l"))
        try staged.writeFile(relative("y"), ByteBuffer(string: "a file after all"))
        #expect(throws: FileError.self) {
            try staged.writeFile(relative("a/q/\(String(repeating: "n", count: 256))"), ByteBuffer())
        }
        try staged.commit()
        #expect(try tree.contents() == ["a": "-", "a/x": "new a/x", "y": "a file after all"])
    }

    @Test("move at once although something that is not there was to be removed from them")
    func removalInside() throws {
        let staged = try staged(["new/a", "new/c", "new/d/e"])
        for name in ["new/b", "new/d/f", "none/x"] { staged.remove(try relative(name)) }
        let placed = try staged.commit()
        #expect(placed.map { "\($0.path)" } == ["new/a", "new/c", "new/d/e"])
        #expect(try placed.map(\.status.inode) == placed.map { try FileStatus.at("\(tree.path)/\($0.path)").inode })
        #expect(
            try tree.contents() == [
                "new": "-", "new/a": "new new/a", "new/c": "new new/c", "new/d": "-", "new/d/e": "new new/d/e",
            ])
    }

    @Test("hold the newer file where a path was staged twice, and one that took the place of a directory")
    func spares() throws {
        let staged = try staged(["d/a", "d/b/c"])
        try staged.writeFile(relative("d/a"), ByteBuffer(string: "newer"))
        let open = try staged.stage(relative("d/b/c"), modified: 42)
        try open.write(ByteBuffer(string: "newest"), at: 0)
        try staged.writeFile(relative("e/f/g"), ByteBuffer())
        try staged.writeFile(relative("e/f"), ByteBuffer(string: "file"))
        staged.unstage(try relative("e/f/g"))
        try staged.commit()
        #expect(
            try tree.contents() == [
                "d": "-", "d/a": "newer", "d/b": "-", "d/b/c": "newest", "e": "-", "e/f": "file",
            ])
        #expect(try FileStatus.at(tree.path + "/d/b/c").modified == 42)
    }

    @Test("join a directory that somebody makes after the check, whose files stay", arguments: [true, false])
    func appears(_ withFile: Bool) throws {
        let staged = try staged(["a", "new/b/c", "new/d"], .nothing)
        try staged.commit { path in
            guard path.description == "new/b/c" else { return }
            try makeDirectories(tree.path + (withFile ? "/new/b" : "/new"), permissions: 0o755)
            if withFile { try tree.write("new/b/theirs", "theirs") }
        }
        var expected = ["a": "new a", "new": "-", "new/b": "-", "new/b/c": "new new/b/c", "new/d": "new new/d"]
        if withFile { expected["new/b/theirs"] = "theirs" }
        #expect(try tree.contents() == expected)
        #expect(try FileStatus.at(tree.path + "/new").permissions == 0o755, "it is theirs, not a replacement")
    }

    @Test("a file that appears where none may be stops the commit, and is kept")
    func fileAppears() throws {
        let staged = try staged(["a", "new/b", "new/c"], .nothing)
        let error = #expect(throws: Obstacle.self) {
            try staged.commit { path in if path.description == "new/c" { try tree.write("new/c", "theirs") } }
        }
        #expect(error == Obstacle(path: try relative("new/c"), obstacle: try relative("new/c"), kind: .changed))
        #expect(try tree.contents() == ["new": "-", "new/c": "theirs"])
    }

    @Test("a file that changes after the check is not replaced or removed", arguments: [true, false])
    func fileChanges(_ removes: Bool) throws {
        try tree.write("f", "seen")
        let staged = try staged(["a/b"])
        let expected = StagedTree.Expectation.unchanged(try FileStatus.at(tree.path + "/f"))
        if removes {
            staged.remove(try relative("f"), expecting: expected)
        } else {
            try staged.writeFile(relative("f"), ByteBuffer(string: "new"), expecting: expected)
        }
        let error = #expect(throws: Obstacle.self) {
            try staged.commit { path in if path.description == "f" { try tree.write("f", "theirs, longer") } }
        }
        #expect(error?.kind == .changed)
        #expect(try tree.contents() == ["f": "theirs, longer"])
    }

    @Test("a link that is planted after the check is not passed", arguments: ["new", "new/b", "old/new"])
    func planted(_ name: String) throws {
        let outside = try TemporaryTree()
        try tree.write("old/file", "old")
        let staged = try staged(["a", "new/b/c", "old/file", "old/new/x"])
        #expect(throws: FileError.self) {
            try staged.commit { path in
                guard path.isBelow(try relative(name)) else { return }
                if name == "new/b" { try makeDirectories(tree.path + "/new") }
                try tree.link(name, to: outside.path)
            }
        }
        #expect(try outside.names() == [])
        #expect(!tree.exists("a"))
        #expect(try tree.read("old/file") == "old")
        #expect(try FileStatus.at("\(tree.path)/\(name)").kind == .link)
    }

    @Test("are taken back without the files that somebody put there meanwhile")
    func undone() throws {
        try tree.write("z", "old")
        let staged = try staged(["new/a/b", "new/a/c", "new/d/e", "z"])
        #expect(throws: Broken()) {
            try staged.commit { path in
                guard path.description == "z" else { return }
                #expect(tree.exists("new/a/b"))
                try tree.write("new/a/theirs", "theirs")
                throw Broken()
            }
        }
        #expect(try tree.contents() == ["new": "-", "new/a": "-", "new/a/theirs": "theirs", "z": "old"])
    }

    @Test("whatever is staged, a commit does all of it, and one that breaks off does nothing", arguments: 0..<40)
    func anything(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func name() -> String {
            (0...Int(random.next() % 3)).map { _ in ["a", "b", "a-", "c.x"].randomElement(using: &random) ?? "a" }
                .joined(separator: "/")
        }
        var model: [String: String] = [:]
        /// No name may be file and directory.
        func fits(_ name: String) -> Bool {
            model.keys.allSatisfy { !$0.hasPrefix(name + "/") && !name.hasPrefix($0 + "/") }
        }
        for _ in 0..<(random.next() % 8) {
            let name = name()
            if fits(name) { model[name] = "old" }
        }
        for (name, content) in model { try tree.write(name, content) }
        let before = try tree.contents()
        let directories = before.filter { $0.value == "-" }.keys
        let staged = try StagedTree.open(tree.path)
        for step in 0..<(4 + random.next() % 12) {
            let name = name()
            switch random.next() % 6 {
            case 0 where model[name] != nil:
                staged.remove(try relative(name))
                model[name] = nil
            default:
                guard fits(name), !directories.contains(name) else { continue }
                try staged.writeFile(relative(name), ByteBuffer(string: "new \(step)"), modified: 7)
                model[name] = "new \(step)"
            }
        }
        let breaking = random.next() % 2 == 0 ? Int(random.next() % 12) : nil
        var steps = 0
        do {
            try staged.commit { _ in
                steps += 1
                if steps - 1 == breaking { throw Broken() }
            }
            #expect(try tree.contents().filter { $0.value != "-" } == model)
            let needed = Set(try model.keys.flatMap { try relative($0).ancestors.map(\.description) })
            #expect(Set(try tree.contents().filter { $0.value == "-" }.keys) == needed.union(directories))
        } catch is Broken {
            #expect(try tree.contents() == before)
        }
    }
}
