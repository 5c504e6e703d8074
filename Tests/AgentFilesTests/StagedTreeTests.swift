import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Writing a tree") struct StagedTreeTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    private func stage(_ files: [String: String], in staged: StagedTree) throws {
        for (name, content) in files { try staged.writeFile(relative(name), ByteBuffer(string: content)) }
    }

    @Test("puts all files in place, makes directories, and leaves no trace of its own")
    func commits() throws {
        try tree.write("a", "old")
        try tree.write("kept", "kept")
        let staged = try StagedTree.open(tree.path)
        try stage(["a": "new", "b/c/d": "deep", "empty": "", "b/e": "e"], in: staged)
        #expect(try tree.read("a") == "old")
        #expect(!tree.exists("b"))
        #expect(staged.count == 4)
        try staged.commit()
        #expect(
            try tree.contents() == [
                "a": "new", "b": "-", "b/c": "-", "b/c/d": "deep", "b/e": "e", "empty": "", "kept": "kept",
            ])
    }

    @Test("makes the root, private like all it makes, and sets times")
    func makesRoot() throws {
        let root = tree.path + "/x/y"
        let staged = try StagedTree.open(root)
        try staged.writeFile(relative("d/f"), ByteBuffer(string: "f"), modified: 1_234_567_890_123_456_789)
        try staged.writeFile(relative("d/old"), ByteBuffer(string: "f"), modified: -1)
        try staged.writeFile(relative("d/program"), ByteBuffer(string: "f"), permissions: 0o700)
        try staged.commit()
        for directory in ["x", "x/y", "x/y/d"] {
            #expect(try FileStatus.at("\(tree.path)/\(directory)").permissions == 0o700, "\(directory)")
        }
        #expect(try FileStatus.at(root + "/d/f").permissions == 0o600)
        #expect(try FileStatus.at(root + "/d/f").modified == 1_234_567_890_123_456_789)
        #expect(try FileStatus.at(root + "/d/old").modified == -1)
        #expect(try FileStatus.at(root + "/d/program").permissions == 0o700)
    }

    @Test("the root may be a link to a directory")
    func linkedRoot() throws {
        try makeDirectories(tree.path + "/real")
        try tree.link("root", to: "real")
        let staged = try StagedTree.open(tree.path + "/root")
        try stage(["a": "a"], in: staged)
        try staged.commit()
        #expect(try tree.read("real/a") == "a")
    }

    @Test("a path staged twice takes the newer file; one that is unstaged is left alone")
    func restaged() throws {
        try tree.write("b", "old")
        let staged = try StagedTree.open(tree.path)
        try stage(["a": "first", "b": "never"], in: staged)
        try stage(["a": "second"], in: staged)
        staged.unstage(try relative("b"))
        #expect(staged.count == 1)
        let staging = try #require(try tree.names().first { $0.hasPrefix(".holdfast-") })
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: "\(tree.path)/\(staging)").count == 2,
            "the directory of staged files with one in it: what is not wanted any more takes no space")
        try staged.commit()
        #expect(try tree.contents() == ["a": "second", "b": "old"])
    }

    @Test("a staged file can be read back before it is committed, and its errors name the final path")
    func readsBack() throws {
        let staged = try StagedTree.open(tree.path)
        let file = try staged.stage(relative("a/b"))
        try file.write(ByteBuffer(string: "hello"), at: 0)
        var back = ByteBuffer()
        #expect(try file.read(into: &back, count: 10, at: 0) == 5)
        #expect(String(buffer: back) == "hello")
        #expect(String(decoding: file.path, as: UTF8.self) == tree.path + "/a/b")
        staged.abandon()
        #expect(try tree.names() == [])
        #expect(throws: FileError.self) { try staged.stage(relative("late")) }
    }

    @Test("removes files, also to make room for a directory; what is gone already is no error")
    func removes() throws {
        try tree.write("a", "file")
        try tree.write("d/x")
        let staged = try StagedTree.open(tree.path)
        for name in ["a", "d/x", "gone", "not/there"] { staged.remove(try relative(name)) }
        try stage(["a/b": "below"], in: staged)
        try staged.commit()
        #expect(try tree.contents() == ["a": "-", "a/b": "below"])
    }

    @Test("names of 255 bytes, names that are not UTF-8, both normal forms, and 300 levels")
    func names() throws {
        let long = [UInt8](repeating: 0x78, count: 255)
        let deep = Array(String(repeating: "d/", count: 300).utf8) + [0x66]
        let names: [[UInt8]] = [
            long, [0xFF, 0xFE], Array("caf\u{E9}".utf8), Array("cafe\u{301}".utf8), deep, Array("d/d/near".utf8),
            Array("d.x".utf8),
        ]
        let staged = try StagedTree.open(tree.path)
        for name in names { try staged.writeFile(#require(RelativePath(name)), ByteBuffer(bytes: name)) }
        try staged.commit()
        let scan = try StorageScan.walk(tree.path, Exclusions(), Cancellation())
        #expect(Set(scan.files.map(\.path.bytes)) == Set(names))
        #expect(scan.files.allSatisfy { $0.status.size == $0.path.bytes.count })
    }

    @Test("nothing staged changes nothing")
    func empty() throws {
        try tree.write("a", "a")
        try StagedTree.open(tree.path).commit()
        #expect(try tree.contents() == ["a": "a"])
    }

    @Test("several tasks may stage at a time")
    func concurrent() async throws {
        let staged = try StagedTree.open(tree.path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    try await FileIO.run {
                        for file in 0..<50 {
                            try staged.writeFile(relative("\(task)/\(file)"), ByteBuffer(string: "\(task) \(file)"))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        _ = try await FileIO.run { try staged.commit() }
        #expect(try StorageScan.walk(tree.path, Exclusions(), Cancellation()).files.count == 400)
        #expect(try tree.read("7/49") == "7 49")
    }
}
