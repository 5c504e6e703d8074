import FileIO
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Directories that removals leave empty") struct EmptiedDirectoryTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    private func change(_ files: [String: String], removing removed: [String]) throws -> StagedTree {
        let staged = try StagedTree.open(tree.path)
        for (name, content) in files { try staged.writeFile(relative(name), ByteBuffer(string: content)) }
        for name in removed { staged.remove(try relative(name)) }
        return staged
    }

    @Test("go with their last file, and others stay")
    func goWithTheLastFile() throws {
        for name in ["a/b/c/f", "a/g", "d/e/f", "h/f", "h/g"] { try tree.write(name) }
        try change([:], removing: ["a/b/c/f", "d/e/f", "h/f"]).commit()
        #expect(try tree.contents() == ["a": "-", "a/g": "x", "h": "-", "h/g": "x"])
    }

    @Test("a file takes the place of a directory whose files are removed with it, and the other way round")
    func swap() throws {
        for name in ["swap/one", "swap/two/three", "other"] { try tree.write(name) }
        try change(["swap": "file", "other/x": "in"], removing: ["swap/one", "swap/two/three", "other"]).commit()
        #expect(try tree.contents() == ["swap": "file", "other": "-", "other/x": "in"])
    }

    @Test("a directory that keeps a file, or a link, is not replaced, and nothing changes", arguments: [true, false])
    func occupied(byLink: Bool) throws {
        try tree.write("swap/one")
        if byLink { try tree.link("swap/link", to: "one") } else { try tree.write("swap/mine") }
        let before = try tree.contents()
        let staged = try change(["swap": "file"], removing: ["swap/one"])
        #expect(throws: Obstacle.self) { try staged.commit() }
        #expect(try tree.contents() == before)
    }

    @Test("come back, with their files, if a later step fails")
    func undone() throws {
        struct Stop: Error {}
        for name in ["swap/one", "swap/two/three", "gone/f"] { try tree.write(name) }
        let before = try tree.contents()
        let staged = try change(["swap": "file", "z": "last"], removing: ["swap/one", "swap/two/three", "gone/f"])
        let last = try relative("z")
        #expect(throws: Stop.self) { try staged.commit { if $0 == last { throw Stop() } } }
        #expect(try tree.contents() == before)
    }
}
