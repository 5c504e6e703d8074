import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("A commit that fails in the middle") struct CommitFailureTests {
    struct Broken: Error, Equatable {}
    let tree: TemporaryTree
    init() throws {
        tree = try TemporaryTree()
        for name in ["a", "b/c", "gone", "room"] { try tree.write(name, "old \(name)") }
    }

    private func prepared() throws -> StagedTree {
        let staged = try StagedTree.open(tree.path)
        for name in ["a", "b/c", "new/x", "new/y", "room/z"] {
            try staged.writeFile(relative(name), ByteBuffer(string: "new \(name)"))
        }
        for name in ["gone", "room"] { staged.remove(try relative(name)) }
        return staged
    }

    @Test(
        "puts back everything it did, wherever it stops",
        arguments: ["gone", "room", "a", "b/c", "new/x", "new/y", "room/z"])
    func undone(_ place: String) throws {
        let before = try tree.contents()
        let inode = try FileStatus.at(tree.path + "/a").inode
        #expect(throws: Broken()) {
            try prepared().commit { path in if path.description == place { throw Broken() } }
        }
        #expect(try tree.contents() == before)
        #expect(try FileStatus.at(tree.path + "/a").inode == inode)
    }

    @Test("an obstacle that appears after the check is never passed, and all is put back")
    func lateObstacle() throws {
        let outside = try TemporaryTree()
        #expect(throws: FileError.self) {
            try prepared().commit { path in
                guard path.description == "new/x" else { return }
                try tree.link("new", to: outside.path)
            }
        }
        #expect(try outside.names() == [])
        #expect(try tree.read("a") == "old a")
        #expect(try tree.read("gone") == "old gone")
    }

    @Test("a directory that takes the place of a file to be removed is kept")
    func lateDirectory() throws {
        #expect(throws: Obstacle.self) {
            try prepared().commit { path in
                guard path.description == "gone" else { return }
                try FileManager.default.removeItem(atPath: tree.path + "/gone")
                try tree.write("gone/precious")
            }
        }
        #expect(tree.exists("gone/precious"))
        #expect(try tree.read("a") == "old a")
    }

    @Test("says which files could not be put back")
    func incomplete() throws {
        let error = #expect(throws: IncompleteCommit.self) {
            try prepared().commit { path in
                guard path.description == "new/y" else { return }
                let staging = try #require(try tree.names().first { $0.hasPrefix(".holdfast-") })
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(tree.path)/\(staging)")
                where (try? tree.read("\(staging)/\(name)")) == "old a" {
                    try FileManager.default.removeItem(atPath: "\(tree.path)/\(staging)/\(name)")
                }
                throw Broken()
            }
        }
        #expect(error?.changed.map(\.description) == ["a"])
        #expect(error?.cause is Broken)
        #expect(error?.description.contains("'a' could not be put back") == true)
        #expect(try tree.read("a") == "new a")
        #expect(try tree.read("b/c") == "old b/c")
    }
}
