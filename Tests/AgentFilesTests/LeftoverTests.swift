import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Staging directories of other processes") struct LeftoverTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    @Test("that died are removed, of live ones nothing is touched")
    func leftovers() throws {
        let live = try StagedTree.open(tree.path)
        try live.writeFile(relative("from-live"), ByteBuffer(string: "live"))
        try tree.write(".holdfast-00000000deadbeef.tmp/0", "half a file")
        try tree.write(".holdfast-00000000deadbee0.tmp/deep/er/0")
        let staged = try StagedTree.open(tree.path)
        #expect(staged.leftoversRemoved == 2)
        #expect(staged.leftoverFailures.isEmpty)
        #expect(try tree.names().count == 2)
        staged.abandon()
        try live.commit()
        #expect(try tree.contents() == ["from-live": "live"])
    }

    @Test("one that a closed tree left behind is a leftover")
    func closed() throws {
        do { try StagedTree.open(tree.path).writeFile(relative("a"), ByteBuffer()) }
        #expect(try tree.names().count == 1)
        let staged = try StagedTree.open(tree.path)
        #expect(staged.leftoversRemoved == 1)
        staged.abandon()
        #expect(try tree.names() == [])
    }

    @Test("what only has a similar name is left alone, and a link is not followed")
    func similar() throws {
        let outside = try TemporaryTree()
        try outside.write("precious")
        let names = [
            ".holdfast-0123456789abcdef", ".holdfast-0123456789abcde.tmp", ".holdfast-0123456789abcdeg.tmp",
            "holdfast-0123456789abcdef.tmp", ".holdfast-0123456789abcdef.tmp.x",
        ]
        for name in names { try tree.write("\(name)/x") }
        try tree.write(".holdfast-0000000000000000.tmp", "a file")
        try tree.link(".holdfast-1111111111111111.tmp", to: outside.path)
        let staged = try StagedTree.open(tree.path)
        staged.abandon()
        #expect(staged.leftoversRemoved == 0)
        #expect(try tree.names().count == names.count + 2)
        #expect(outside.exists("precious"))
    }
}
