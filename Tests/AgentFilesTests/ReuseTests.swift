import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Files of a restore that was killed") struct ReuseTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    /// Leaves a staging directory as a process does that is killed: its lock is free and nothing was removed.
    private func kill(_ files: [String: String]) throws {
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        for (name, content) in files { try staged.writeFile(relative(name), ByteBuffer(string: content), modified: 1) }
    }

    private func reuse(_ name: String, _ content: String, in staged: StagedTree) throws -> Bool {
        let content = ByteBuffer(string: content)
        return staged.reuse(
            try relative(name), size: Int64(content.readableBytes), sha256: Digest(of: content),
            modified: 5_000_000)
    }

    private func leftover() throws -> String {
        try tree.path + "/" + #require(tree.names().first { $0.hasPrefix(".holdfast-") })
    }

    @Test("are taken, with the time that is wanted, and leave no trace")
    func taken() throws {
        try tree.write("old", "old")
        try kill(["a/b/c": "deep", "top": "top", "old": "new", "other": "not wanted"])
        let inode = try FileStatus.at(leftover() + "/files/a/b/c").inode
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        #expect(staged.leftoversRemoved == 0)
        for (name, content) in ["a/b/c": "deep", "top": "top", "old": "new"] {
            #expect(try reuse(name, content, in: staged))
            #expect(try !reuse(name, content, in: staged), "it is taken once")
        }
        #expect(try !reuse("missing", "x", in: staged))
        #expect(staged.count == 3)
        try staged.commit()
        #expect(try tree.contents() == ["a": "-", "a/b": "-", "a/b/c": "deep", "top": "top", "old": "new"])
        #expect(try FileStatus.at(tree.path + "/a/b/c").inode == inode)
        #expect(try FileStatus.at(tree.path + "/a/b/c").modified == 5_000_000)
    }

    @Test("are not taken if they hold anything else")
    func different() throws {
        try kill(["a/same-size": "wrong", "a/half": "hal", "a/longer": "longer", "a/mode": "mode"])
        #expect(chmod(try leftover() + "/files/a/mode", 0o640) == 0)
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        for (name, content) in ["a/same-size": "right", "a/half": "half", "a/longer": "long", "a/mode": "mode"] {
            #expect(try !reuse(name, content, in: staged), "\(name)")
        }
        try staged.writeFile(relative("b"), ByteBuffer(string: "b"))
        try staged.commit()
        #expect(try tree.contents() == ["b": "b"])
    }

    @Test("are not taken through links, nor if the file has another name elsewhere")
    func links() throws {
        let outside = try TemporaryTree()
        try outside.write("x", "secret")
        try outside.write("linked", "secret")
        try kill(["real/x": "secret"])
        let files = try leftover() + "/files"
        try FileManager.default.createSymbolicLink(atPath: files + "/file", withDestinationPath: outside.path + "/x")
        try FileManager.default.createSymbolicLink(atPath: files + "/d", withDestinationPath: outside.path)
        for name in ["x", "linked"] { #expect(chmod("\(outside.path)/\(name)", 0o600) == 0) }
        #expect(link(outside.path + "/linked", files + "/linked") == 0)
        mkfifo(files + "/pipe", 0o600)
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        for name in ["file", "d/x", "linked", "pipe", "d"] {
            #expect(try !reuse(name, "secret", in: staged), "\(name)")
        }
        #expect(try !reuse("pipe", "", in: staged))
        #expect(try reuse("real/x", "secret", in: staged))
        try staged.commit()
        #expect(try tree.contents() == ["real": "-", "real/x": "secret"])
        #expect(try outside.contents() == ["linked": "secret", "x": "secret"])
    }

    @Test("do not replace what is staged already, and the newer of both counts when it is staged again")
    func staged() throws {
        try kill(["d/a": "left", "d/b": "left"])
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        try staged.writeFile(relative("d/a"), ByteBuffer(string: "staged"))
        #expect(try !reuse("d/a", "left", in: staged))
        #expect(try reuse("d/b", "left", in: staged))
        try staged.writeFile(relative("d/b"), ByteBuffer(string: "newer"))
        try staged.commit()
        #expect(try tree.contents() == ["d": "-", "d/a": "staged", "d/b": "newer"])
    }

    @Test("belong to one process, also while a second one works")
    func locked() throws {
        try kill(["a": "left"])
        let first = try StagedTree.open(tree.path, reusingLeftovers: true)
        let second = try StagedTree.open(tree.path, reusingLeftovers: true)
        #expect(try !reuse("a", "left", in: second))
        second.abandon()
        let third = try StagedTree.open(tree.path)
        #expect(third.leftoversRemoved == 0)
        third.abandon()
        #expect(try reuse("a", "left", in: first))
        try first.commit()
        #expect(try tree.contents() == ["a": "left"])
    }

    @Test("of several restores are all found, and all are removed at the end", arguments: [true, false])
    func several(_ commits: Bool) throws {
        try kill(["a": "first", "c": "same"])
        let second = try StagedTree.open(tree.path)
        #expect(second.leftoversRemoved == 1, "who does not reuse them removes them")
        try second.writeFile(relative("a"), ByteBuffer(string: "second"))
        try tree.write(".holdfast-00000000deadbeef.tmp/files/b", "b")
        try tree.write(".holdfast-00000000deadbee0.tmp/x", "nothing staged yet")
        chmod(tree.path + "/.holdfast-00000000deadbeef.tmp/files/b", 0o600)
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        #expect(staged.leftoverFailures.isEmpty)
        #expect(try !reuse("a", "second", in: staged), "the second is alive")
        #expect(try reuse("b", "b", in: staged))
        if commits { try staged.commit() } else { staged.abandon() }
        second.abandon()
        #expect(try tree.contents() == (commits ? ["b": "b"] : [:]))
    }

    @Test("that were reused are there again if the next restore is killed, too")
    func killedAgain() throws {
        try kill(["d/a": "left", "d/b": "left"])
        do {
            let next = try StagedTree.open(tree.path, reusingLeftovers: true)
            #expect(try reuse("d/a", "left", in: next))
            try next.writeFile(relative("d/c"), ByteBuffer(string: "new"))
        }
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        #expect(try reuse("d/a", "left", in: staged))
        #expect(try reuse("d/b", "left", in: staged))
        #expect(try reuse("d/c", "new", in: staged))
        try staged.commit()
        #expect(try tree.contents() == ["d": "-", "d/a": "left", "d/b": "left", "d/c": "new"])
    }

    @Test("several tasks may take them at a time, each file goes to one")
    func concurrent() async throws {
        let names = (0..<60).map { "d\($0 % 7)/\($0)" }
        try kill(Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }))
        let staged = try StagedTree.open(tree.path, reusingLeftovers: true)
        let taken = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { try await FileIO.run { try names.count { try reuse($0, $0, in: staged) } } }
            }
            return try await group.reduce(0, +)
        }
        #expect(taken == names.count)
        _ = try await FileIO.run { try staged.commit() }
        #expect(try StorageScan.walk(tree.path, Exclusions(), Cancellation()).files.count == names.count)
    }
}
