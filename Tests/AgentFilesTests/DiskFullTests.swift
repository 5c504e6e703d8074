import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("A full disk") struct DiskFullTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    @Test("is said with the path, and nothing has changed")
    func full() throws {
        // A file system of 64 KiB, where this process may mount one; else the device that is always full.
        guard mount("none", tree.path, "tmpfs", 0, "size=64k") == 0 else {
            let error = #expect(throws: FileError.self) {
                try File.open("/dev/full", [.write]).write(ByteBuffer(string: "x"), at: 0)
            }
            #expect(error?.isOutOfSpace == true)
            return
        }
        defer { umount2(tree.path, Int32(MNT_DETACH)) }
        try tree.write("a", "old")
        let staged = try StagedTree.open(tree.path)
        let block = ByteBuffer(repeating: 7, count: 16_384)
        let error = #expect(throws: FileError.self) {
            for name in ["a", "b", "c", "d", "e"] { try staged.writeFile(relative("x/\(name)"), block) }
        }
        #expect(error?.isOutOfSpace == true)
        #expect(error?.path.hasPrefix(tree.path + "/x/") == true)
        #expect(error?.operation == "write")
        staged.abandon()
        #expect(try tree.contents() == ["a": "old"])
    }

    /// Whether this process may mount a file system; without that right a test is reported as skipped.
    static let mayMount: Bool = {
        guard let tree = try? TemporaryTree(), mount("none", tree.path, "tmpfs", 0, "size=64k") == 0 else {
            return false
        }
        return umount2(tree.path, Int32(MNT_DETACH)) == 0
    }()

    @Test(
        "a file on another file system below the root is an obstacle",
        .enabled(if: Self.mayMount, "needs the right to mount a tmpfs"))
    func mounted() throws {
        try makeDirectories(tree.path + "/mounted")
        try #require(mount("none", tree.path + "/mounted", "tmpfs", 0, "size=64k") == 0)
        defer { umount2(tree.path + "/mounted", Int32(MNT_DETACH)) }
        let staged = try StagedTree.open(tree.path)
        try staged.writeFile(relative("a"), ByteBuffer())
        try staged.writeFile(relative("mounted/b"), ByteBuffer())
        let error = #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(error?.kind == .otherFileSystem)
        #expect(!tree.exists("a"))
    }
}
