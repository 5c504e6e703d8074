import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

/// Every test stages `ok` beside the change that cannot be made, to see that it is not made either.
@Suite("Obstacles on the way of a commit") struct ObstacleTests {
    let tree: TemporaryTree
    let outside: TemporaryTree
    init() throws {
        tree = try TemporaryTree()
        outside = try TemporaryTree()
        try tree.write("file", "file")
        try tree.write("directory/inside", "inside")
        try tree.write("elsewhere/target", "target")
        try tree.link("link", to: "elsewhere")
        try tree.link("out", to: outside.path)
        try tree.link("filelink", to: "elsewhere/target")
        try tree.link("dangling", to: "gone")
        mkfifo(tree.path + "/pipe", 0o600)
    }

    @Test(
        "stop it before anything is changed",
        arguments: [
            ("link/target", "link", .link), ("out/x", "out", .link), ("filelink", "filelink", .link),
            ("dangling", "dangling", .link), ("dangling/x", "dangling", .link), ("link/new/deep", "link", .link),
            ("file/below", "file", .file), ("file/new/deep", "file", .file), ("directory", "directory", .directory),
            ("pipe", "pipe", .special), ("pipe/x", "pipe", .special), ("filelink/x", "filelink", .link),
        ] as [(String, String, Obstacle.Kind)])
    func obstacle(_ path: String, _ at: String, _ kind: Obstacle.Kind) throws {
        let before = try tree.contents()
        let staged = try StagedTree.open(tree.path)
        try staged.writeFile(relative("a-ok/new"), ByteBuffer(string: "ok"))
        try staged.writeFile(relative(path), ByteBuffer(string: "hostile"))
        staged.remove(try relative("elsewhere/target"))
        let error = #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(error == Obstacle(path: try relative(path), obstacle: try relative(at), kind: kind))
        #expect(error?.description.hasPrefix("cannot change '\(path)': '\(at)' is ") == true)
        #expect(try tree.contents() == before)
        #expect(try outside.names() == [])
    }

    @Test(
        "a link or directory is not removed as if it were a file",
        arguments: ["filelink", "dangling", "directory", "pipe"])
    func removal(_ path: String) throws {
        let before = try tree.contents()
        let staged = try StagedTree.open(tree.path)
        staged.remove(try relative(path))
        #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(try tree.contents() == before)
    }

    @Test("a removal does not reach through a link")
    func removalThroughLink() throws {
        let staged = try StagedTree.open(tree.path)
        staged.remove(try relative("link/target"))
        #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(try tree.read("elsewhere/target") == "target")
    }

    @Test("two staged paths of which one is the directory of the other")
    func stagedClash() throws {
        let before = try tree.contents()
        let staged = try StagedTree.open(tree.path)
        try staged.writeFile(relative("x"), ByteBuffer())
        try staged.writeFile(relative("x/y"), ByteBuffer())
        let error = #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(error == Obstacle(path: try relative("x/y"), obstacle: try relative("x"), kind: .file))
        #expect(try tree.contents() == before)
    }

    @Test("a file that is not the one that was seen")
    func changed() throws {
        let seen = try FileStatus.at(tree.path + "/file")
        let cases: [(String, StagedTree.Expectation)] = [
            ("directory/inside", .unchanged(seen)), ("directory/inside", .nothing), ("none", .unchanged(seen)),
            ("no/directory", .unchanged(seen)),
        ]
        for (path, expected) in cases {
            let staged = try StagedTree.open(tree.path)
            try staged.writeFile(relative(path), ByteBuffer(string: "new"), expecting: expected)
            let error = #expect(throws: Obstacle.self) { try staged.commit() }
            #expect(error?.kind == .changed)
        }
        let staged = try StagedTree.open(tree.path)
        try staged.writeFile(relative("file"), ByteBuffer(string: "new"), expecting: .unchanged(seen))
        try staged.writeFile(relative("none"), ByteBuffer(string: "new"), expecting: .nothing)
        try staged.commit()
        #expect(try tree.read("file") == "new")
    }

    @Test("a directory that may not be written to")
    func readOnly() throws {
        try #require(chmod(tree.path, 0o777) == 0 && chmod(tree.path + "/directory", 0o555) == 0)
        defer { chmod(tree.path + "/directory", 0o755) }
        try withoutPrivileges {
            let staged = try StagedTree.open(tree.path)
            try staged.writeFile(relative("a-ok"), ByteBuffer())
            try staged.writeFile(relative("directory/new"), ByteBuffer())
            let error = #expect(throws: Obstacle.self) { try staged.commit() }
            #expect(error?.kind == .readOnly)
            #expect(error?.obstacle?.description == "directory")
        }
        #expect(!tree.exists("a-ok"))
    }
}
