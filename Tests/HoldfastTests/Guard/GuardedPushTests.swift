import Basics
import FileIO
import Foundation
import Testing

@testable import AgentDatabase
@testable import Holdfast

@Suite("A push holds back removals, never additions")
struct GuardedPushTests {
    @Test(
        "Most sessions of a database that are gone stay in the store until that is wanted",
        arguments: [(8, 8), (5, 8), (7, 8)])
    func rows(gone: Int, total: Int) async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...total)
            try fixture.addSessions(all)
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(Array(all.prefix(gone)))
            try fixture.addSessions(["new"])
            try fixture.write(["notes/1": "new"])
            // The second push says it again: nobody has decided yet, and more sessions make the loss no smaller.
            for round in 0..<2 {
                let push = await fixture.memory().push()
                #expect(push.error?.code == .shrinks)
                #expect(push.error?.passesByItself == true)
                #expect(push.error?.message.contains("\(gone) of \(total + round) sessions") == true, "\(push)")
                #expect(push.error?.hint?.contains("--allow-shrink") == true)
                #expect(push.heldBack?.sessions == HeldRemovals.Count(removed: gone, total: total + round))
                #expect(try await fixture.newest() == (Set(all + ["new"]), ["notes/1"]))
                #expect(try fixture.sessions() == Set(all.dropFirst(gone) + ["new"]))
            }
        }
    }

    @Test("What is added later does not make the removals small enough to go")
    func diluted() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            let files = Dictionary(uniqueKeysWithValues: (0..<12).map { ("message/\($0).json", "{}") })
            try fixture.addSessions(all)
            try fixture.write(files)
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(Array(all.prefix(5)))
            for name in files.keys.sorted().dropFirst() { try fixture.remove(name) }
            let more = Fixture.names(11...40)
            try fixture.write(Dictionary(uniqueKeysWithValues: (20..<60).map { ("message/\($0).json", "{}") }))
            for _ in 0..<2 {
                #expect(await fixture.memory().push().error?.code == .shrinks)
                let newest = try await fixture.newest()
                #expect(newest.sessions.isSuperset(of: all))
                #expect(newest.files.count == 52)
                if try fixture.sessions().count < 20 { try fixture.addSessions(more) }
            }
        }
    }

    @Test("A pull brings back what is missing here, sessions as well as files")
    func back() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try fixture.addSessions(all)
            try fixture.write(["1": "x", "2": "x"])
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(all)
            try fixture.addSessions(["new"])
            for name in ["1", "2"] { try fixture.remove(name) }
            #expect(await fixture.memory().push().error?.code == .shrinks)
            let pull = await fixture.memory().pull()
            #expect(pull.success, "\(pull)")
            #expect(try fixture.sessions() == Set(all + ["new"]))
            #expect(try fixture.files().count == 2)
            #expect(pull.sessions.added == 8)
            let push = await fixture.memory().push()
            #expect(push.success, "\(push)")
            // A few that are removed now go at once.
            try fixture.removeSessions(["ses_1"])
            #expect(await fixture.memory().push().success)
            #expect(try await fixture.newest().sessions == Set(all.dropFirst() + ["new"]))
        }
    }

    @Test("Removals that wait make no snapshot by themselves, and go once they are wanted")
    func wanted() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try fixture.addSessions(all)
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(all)
            let first = await fixture.memory().push()
            #expect(first.error?.code == .shrinks)
            let second = await fixture.memory().push()
            #expect(second.error?.code == .shrinks)
            #expect(second.isNewSnapshot == false)
            #expect(second.snapshot == first.snapshot)
            let third = await fixture.memory().push(allowShrink: true)
            #expect(third.success, "\(third)")
            #expect(third.sessions.removed == 8)
            #expect(third.sessions.total == 0)
            #expect(try await fixture.newest().sessions.isEmpty)
            let last = await fixture.memory().push()
            #expect(last.success && last.isNewSnapshot == false)
        }
    }

    @Test("A few sessions that are gone go at once, and are counted", arguments: [1, 3, 4])
    func few(gone: Int) async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...6)
            try fixture.addSessions(all)
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(Array(all.prefix(gone)))
            try fixture.addSessions(["new"])
            let database = try fixture.openDatabase()
            try database.execute("UPDATE session SET time_updated = 9 WHERE id = 'ses_6'")
            let push = await fixture.memory().push()
            #expect(push.success, "\(push)")
            var counts = SessionCounts()
            (counts.total, counts.added, counts.continued, counts.removed) = (7 - gone, 1, 1, gone)
            #expect(push.sessions == counts)
            #expect(try await fixture.newest().sessions == Set(all.dropFirst(gone) + ["new"]))
        }
    }

    @Test("What others have saved meanwhile stays, and what they removed stays removed")
    func others() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...9)
            try fixture.addSessions(all)
            try #require(await fixture.memory().push().success)
            try #require(await fixture.memory("b").pull().success)
            try fixture.removeSessions(["ses_9"], on: "b")
            try fixture.addSessions(["theirs"], on: "b")
            try #require(await fixture.memory("b").push().success)
            try fixture.removeSessions(Array(all.prefix(6)))
            try fixture.addSessions(["ours"])
            let push = await fixture.memory().push()
            #expect(push.error?.code == .shrinks, "\(push)")
            #expect(try await fixture.newest().sessions == Set(all.dropLast() + ["theirs", "ours"]))
        }
    }

    @Test(
        "Files that are gone stay, whether their directory was emptied, has vanished, or has a few left",
        arguments: 0..<3)
    func files(_ left: Int) async throws {
        try await Fixture.with { fixture in
            let all = Dictionary(uniqueKeysWithValues: (0..<20).map { ("message/\($0).json", "{}") })
            try fixture.write(all)
            try #require(await fixture.memory().push().success)
            if left == 0 {
                try FileManager.default.removeItem(atPath: fixture.storage())
            } else {
                for n in (left == 1 ? 0 : 5)..<20 { try fixture.remove("message/\(n).json") }
                try fixture.write(["new": "new"])
            }
            let push = await fixture.memory().push()
            #expect(push.error?.code == .shrinks, "\(push)")
            #expect(push.heldBack?.files.removed == (left == 2 ? 15 : 20))
            #expect(push.removed == 0)
            #expect(try await fixture.newest().files == Set(all.keys).union(left == 0 ? [] : ["new"]))
            let wanted = await fixture.memory().push(allowShrink: true)
            #expect(wanted.success, "\(wanted)")
            #expect(wanted.removed == (left == 2 ? 15 : 20))
        }
    }

    @Test("Sessions of the JSON era are counted as sessions", arguments: [(4, false), (5, true)])
    func jsonSessions(gone: Int, waits: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(Dictionary(uniqueKeysWithValues: (0..<7).map { ("session/p/ses_\($0).json", "{}") }))
            // So many other files that the sessions are not most of them.
            try fixture.write(Dictionary(uniqueKeysWithValues: (0..<30).map { ("message/m/\($0).json", "{}") }))
            try #require(await fixture.memory().push().success)
            for n in 0..<gone { try fixture.remove("session/p/ses_\(n).json") }
            let push = await fixture.memory().push()
            #expect((push.error?.code == .shrinks) == waits, "\(push)")
            #expect(push.sessions.removed == (waits ? 0 : gone))
            #expect(push.sessions.total == (waits ? 7 : 7 - gone))
        }
    }

    @Test("A database that has vanished is unknown, and stays in the store")
    func vanished() async throws {
        try await Fixture.with { fixture in
            try fixture.addSessions(["one"])
            try fixture.write(["f": "1"])
            try #require(await fixture.memory().push().success)
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: "\(fixture.folder)/a/opencode.db\(suffix)")
            }
            try fixture.write(["f": "2"])
            let push = await fixture.memory().push()
            #expect(push.error?.code == .shrinks, "\(push)")
            #expect(push.error?.message.contains("the database 'opencode.db'") == true)
            #expect(try await fixture.newest() == (["one"], ["f"]))
            #expect(await fixture.memory().push(allowShrink: true).success)
            #expect(try await fixture.newest().sessions.isEmpty)
        }
    }

    @Test("A database whose sessions cannot be counted is no loss")
    func uncountable() async throws {
        try await Fixture.with { fixture in
            let database = try fixture.openDatabase()
            try database.execute("DROP TABLE message; DROP TABLE session; CREATE TABLE session (id text, b blob)")
            for n in 0..<9 { try database.execute("INSERT INTO session VALUES ('\(n)', 'x')") }
            try #require(await fixture.memory().push().success)
            try database.execute("DELETE FROM session")
            let push = await fixture.memory().push()
            #expect(push.success, "\(push)")
        }
    }

    @Test("A gentle push says in one warning what waits")
    func gentle() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...5)
            try fixture.addSessions(all)
            try #require(await fixture.memory().push().success)
            try fixture.removeSessions(all)
            let push = await fixture.memory().push(gently: true)
            #expect(push.success, "\(push)")
            #expect(push.warnings.count == 1)
            #expect(push.warnings.first?.contains("5 of 5 sessions") == true)
            #expect(await fixture.memory().saveRecord(newest: nil)?.failuresSince == 0)
        }
    }

    @Test("Removals that somebody has seen go at once, unless the state lies elsewhere now", arguments: [true, false])
    func seen(isKept: Bool) async throws {
        try await Fixture.with { fixture in
            let all = Dictionary(uniqueKeysWithValues: (0..<20).map { ("message/\($0).json", "{}") })
            try fixture.write(all)
            let place = try #require(await fixture.memory().push().place)
            if isKept {
                for name in all.keys { try fixture.remove(name) }
            } else {
                try FileManager.default.moveItem(atPath: fixture.storage(), toPath: "\(fixture.folder)/moved")
                try fixture.write([:])
                try FileManager.default.createDirectory(atPath: fixture.storage(), withIntermediateDirectories: true)
            }
            try fixture.write(["new": "new"])
            let push = await fixture.memory().push(seenAt: place)
            #expect(push.success == isKept, "\(push)")
            #expect(try await fixture.newest().files.count == (isKept ? 1 : 21))
        }
    }
}
