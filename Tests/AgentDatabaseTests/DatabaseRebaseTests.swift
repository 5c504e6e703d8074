import Foundation
import Testing

@testable import AgentDatabase

@Suite("Rebase of a database's paths") struct DatabaseRebaseTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    private func rebase(_ paths: [String], _ old: String, _ new: String) throws -> [String] {
        let image = try fixture.make(UUID().uuidString, AgentSchema.v2)
        let insert = try image.prepare("INSERT INTO session VALUES (?1, 'p', NULL, ?2, '', 1, 1, 0)")
        for (index, path) in paths.enumerated() { try insert.run([.integer(Int64(index)), .text(path)]) }
        _ = try DatabaseRebase.rebase(image, from: old, to: new)
        return try image.rows("SELECT directory FROM session ORDER BY CAST(id AS integer)").map { $0[0].shown }
    }

    @Test(
        "maps a directory and what is beneath it, by bytes",
        arguments: [
            ("/old", "/new", "/old", "/new"), ("/old/", "/new//", "/old/a/b", "/new/a/b"),
            ("/old", "/new", "/older", "/older"),
            ("/old", "/new", "/Old/a", "/Old/a"), ("/o%_*[d", "/n'\"", "/o%_*[d/x", "/n'\"/x"),
            ("/o%", "/new", "/old", "/old"),
            ("/old", "/", "/old/a", "/a"), ("/old", "/", "/old", "/"), ("/", "/new", "/a", "/new/a"),
            ("/", "/new", "/", "/new"),
            ("/e\u{301}", "/new", "/\u{E9}/a", "/\u{E9}/a"), ("/old", "/new", "relative/old", "relative/old"),
            ("/a", "/a/b", "/a/c", "/a/b/c"), ("/a/b", "/a", "/a/b/b/c", "/a/b/c"), ("", "/new", "/a", "/a"),
        ])
    func paths(_ old: String, _ new: String, _ path: String, _ expected: String) throws {
        #expect(try rebase([path], old, new).map { Array($0.utf8) } == [Array(expected.utf8)])
    }

    @Test("maps each path once where one of the two directories lies in the other")
    func nested() throws {
        #expect(try rebase(["/a", "/a/b", "/a/b/b"], "/a", "/a/b") == ["/a/b", "/a/b/b", "/a/b/b/b"])
        #expect(try rebase(["/a/b", "/a/b/b", "/a/b/b/b"], "/a/b", "/a") == ["/a", "/a/b", "/a/b/b"])
    }

    @Test("reaches every column with a path, writes nothing else, and skips what is there already")
    func columns() throws {
        let image = try fixture.make(
            "image", AgentSchema.v2, AgentSchema.conversation2,
            """
            UPDATE project SET sandboxes = '["/old/x", 1.10, {"a": "/old"}, "\\u002fold", "/older", null]';
            INSERT INTO workspace VALUES ('w', 't', '', '/old/w', 'p');
            CREATE TABLE project_directory (project_id text, directory text, PRIMARY KEY (project_id, directory));
            INSERT INTO project_directory VALUES ('p', '/old'), ('p', '/new'), ('p', '/old/y');
            CREATE TABLE worktree (directory blob); INSERT INTO worktree VALUES (x'2F6F6C64');
            UPDATE message SET data = '{"cwd": "/old"}';
            CREATE TRIGGER hostile AFTER UPDATE ON session BEGIN DELETE FROM message; END;
            """)
        let changes = try DatabaseRebase.apply(image, from: "/old", to: "/new")
        #expect(changes == .init(changed: 6, skipped: 1))
        #expect(
            try fixture.rows("image", "SELECT directory FROM project_directory ORDER BY 1") == [
                "/new", "/new/y", "/old",
            ])
        #expect(
            try fixture.rows("image", "SELECT worktree, sandboxes FROM project") == [
                #"/new|["/new/x",1.10,{"a":"/old"},"/new","/older",null]"#
            ])
        #expect(try fixture.rows("image", "SELECT directory FROM workspace") == ["/new/w"])
        #expect(try fixture.rows("image", "SELECT directory FROM session_v2") == ["/new"])
        #expect(try fixture.rows("image", "SELECT DISTINCT data FROM message") == [#"{"cwd": "/old"}"#])
        #expect(try DatabaseRebase.rebase(image, from: "/none", to: "/new") == 0)
    }

    @Test("leaves a list of sandboxes that is none", arguments: ["", "not JSON", "\"/old\"", #"{"a": "/old"}"#])
    func noSandboxes(_ text: String) throws {
        let image = try fixture.make("image", AgentSchema.v1, AgentSchema.conversation)
        try image.prepare("UPDATE project SET worktree = '/', sandboxes = ?1").run([.text(text)])
        #expect(try DatabaseRebase.rebase(image, from: "/old", to: "/new") == 1)
        #expect(try fixture.rows("image", "SELECT sandboxes FROM project") == [text])
    }

    @Test("maps long lists of sandboxes") func manySandboxes() throws {
        let image = try fixture.make("image", AgentSchema.v1, AgentSchema.conversation)
        let list = { (root: String) in "[" + (0..<200).map { "\"\(root)/\($0)\"" }.joined(separator: ",") + "]" }
        try image.prepare("UPDATE project SET sandboxes = ?1").run([.text(list("/old"))])
        _ = try DatabaseRebase.rebase(image, from: "/old", to: "/new")
        #expect(try fixture.rows("image", "SELECT sandboxes FROM project") == [list("/new")])
    }

    @Test("lists the checkouts, the most used first") func checkouts() throws {
        let image = try fixture.make(
            "image", AgentSchema.v2, AgentSchema.conversation2,
            """
            INSERT INTO session VALUES ('2', 'p', NULL, '/b', '', 1, 1, 0), ('3', 'p', NULL, '/b/', '', 1, 1, 0),
              ('4', 'p', NULL, '/b', '', 1, 1, 0);
            INSERT INTO project VALUES ('global', '/', NULL, 1, 1, '[]'), ('q', '/unused', NULL, 1, 1, '[]');
            """)
        #expect(try DatabaseRebase.checkouts(in: image) == ["/b", "/old", "/unused"])
    }

    @Test(
        "is made without being asked only where there is no doubt",
        arguments: [
            (["/old"], "/new", [], "/old"), (["/old", "/old/sub"], "/new/", [], "/old"),
            (["/old", "/other"], "/new", [], nil),
            (["/old", "/other"], "/new", ["/other"], "/old"), (["/old"], "/new", ["/old"], nil), ([], "/new", [], nil),
            (["/new"], "/new", [], nil), (["/new/sub"], "/new", [], nil), (["/old", "/new"], "/new", ["/new"], nil),
            (["/a/repo", "/b/repo"], "/b/repo", ["/b/repo"], "/a/repo"), (["/old"], "relative", [], nil),
            (["/old", "/data/share/opencode/worktree/p/x"], "/new", [], "/old"),
        ] as [([String], String, [String], String?)])
    func automatic(_ checkouts: [String], _ current: String, _ existing: [String], _ old: String?) throws {
        let move = DatabaseRebase.automaticRebase(checkouts: checkouts, current: current) { existing.contains($0) }
        #expect(move?.old == old)
        if let move { #expect(move.new == (current == "/new/" ? "/new" : current)) }
    }
}
