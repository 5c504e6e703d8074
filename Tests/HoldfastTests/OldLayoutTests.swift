import ObjectStore
import Testing

@testable import Holdfast

@Suite("A state of OpenCode before 1.2, all in JSON files")
struct OldLayoutTests {
    static let state = [
        "project/4f.json": "{}", "session/4f/ses_1.json": "{}", "message/ses_1/msg_1.json": "{}",
        "part/msg_1/prt_1.json": "{}",
    ]

    @Test("is restored as before, with a note that newer versions do not import it", arguments: [true, false])
    func note(fromSnapshots: Bool) async throws {
        try await Fixture.with { fixture in
            if fromSnapshots {
                try fixture.write(Self.state)
                let push = await fixture.memory().push()
                #expect(push.success)
                #expect(push.warnings == [])
            } else {
                for (path, text) in Self.state { try await fixture.put(path, text) }
            }
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.warnings == [OldLayout.note])
            #expect(try fixture.files("b") == Self.state)
            // Who has heard it need not hear it again.
            #expect(await fixture.memory("b").pull().warnings == [])
        }
    }

    @Test(
        "that has a database, or is of a newer version, is restored without such a note",
        arguments: ["database in the snapshot", "database here", "newer"])
    func noNote(_ which: String) async throws {
        try await Fixture.with { fixture in
            try fixture.write(which == "newer" ? ["session_diff/ses_1.json": "[]", "migration": "2"] : Self.state)
            if which == "database in the snapshot" { try DatabaseMachine(fixture, "a").add("s") }
            if which == "database here" { try DatabaseMachine(fixture, "b").add("s") }
            #expect(await fixture.memory().push().success)
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.transferredObjects > 0)
            #expect(pull.warnings == [])
        }
    }
}
