import Basics
import Foundation
import ObjectStore
import Testing

@testable import Holdfast

@Suite("A pull holds back removals, never additions")
struct GuardedPullTests {
    /// Machines `a` and `b` have some sessions; `a` saves a state without most of them.
    private func emptied(_ fixture: Fixture, keeping kept: ClosedRange<Int> = 8...8, of all: [String]) async throws {
        try fixture.addSessions(all)
        try #require(await fixture.memory().push().success)
        try #require(await fixture.memory("b").pull().success)
        try fixture.removeSessions(all.filter { !Fixture.names(kept).contains($0) })
        try fixture.addSessions(["new"])
        try fixture.write(["f": "new"])
        let push = await fixture.memory().push(allowShrink: true)
        try #require(push.success, "\(push)")
    }

    @Test(
        "Most sessions that the store has lost stay here, and what is new arrives",
        arguments: [ConflictPolicy.stop, .newerWins])
    func rows(_ policy: ConflictPolicy) async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try await emptied(fixture, of: all)
            for _ in 0..<2 {
                let pull = await fixture.memory("b").pull(PullOptions(onConflict: policy))
                #expect(pull.error?.code == .shrinks)
                #expect(pull.error?.passesByItself == true)
                #expect(pull.error?.message.contains("7 of") == true, "\(pull)")
                #expect(try fixture.sessions("b") == Set(all + ["new"]))
                #expect(try fixture.files("b") == ["f": "new"])
            }
            var memory = fixture.memory("b")
            memory.options.allowsShrinking = true
            let pull = await memory.pull(PullOptions(onConflict: policy))
            #expect(pull.success, "\(pull)")
            #expect(pull.sessions.removed == 7)
            #expect(pull.sessions.total == 2)
            #expect(try fixture.sessions("b") == ["ses_8", "new"])
        }
    }

    @Test("What waits here is not saved again: the store's removal stays", arguments: [true, false])
    func notSavedAgain(isChanged: Bool) async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try await emptied(fixture, of: all)
            #expect(await fixture.memory("b").pull().error?.code == .shrinks)
            if isChanged { try fixture.addSessions(["more"], on: "b") }
            let push = await fixture.memory("b").push()
            #expect(push.success, "\(push)")
            #expect(try await fixture.newest().sessions == Set(["ses_8", "new"] + (isChanged ? ["more"] : [])))
            #expect(try fixture.sessions("b").isSuperset(of: all))
            #expect(await fixture.memory("b").pull().error?.code == .shrinks)
        }
    }

    @Test("Most files that the store has lost stay here and are not saved again", arguments: [0, 1])
    func files(left: Int) async throws {
        try await Fixture.with { fixture in
            let all = Dictionary(uniqueKeysWithValues: (0..<20).map { ("session/\($0).json", "{}") })
            try fixture.write(all)
            try #require(await fixture.memory().push().success)
            try #require(await fixture.memory("b").pull().success)
            for n in left..<20 { try fixture.remove("session/\(n).json") }
            if left > 0 { try fixture.write(["new": "new"]) }
            try #require(await fixture.memory().push(allowShrink: true).success)
            for round in 0..<2 {
                let pull = await fixture.memory("b").pull()
                #expect(pull.error?.code == .shrinks, "\(pull)")
                let total = 20 + round * left
                #expect(pull.heldBack?.files == HeldRemovals.Count(removed: 20 - left, total: total))
                #expect(pull.removed == 0)
                #expect(Set(try fixture.files("b").keys) == Set(all.keys).union(left > 0 ? ["new"] : []))
                let push = await fixture.memory("b").push()
                #expect(push.success, "\(push)")
                #expect(try await fixture.newest().files.count == 2 * left)
            }
            var memory = fixture.memory("b")
            memory.options.allowsShrinking = true
            let pull = await memory.pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.removed == 20 - left)
            #expect(try fixture.files("b").count == 2 * left)
        }
    }

    @Test("A restore brings what is new, and says in one warning what waits")
    func restore() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try await emptied(fixture, of: all)
            let restore = await fixture.memory("b").restore(RestoreRequest(store: .file, cache: nil))
            #expect(restore.hit)
            #expect(restore.sync.success, "\(restore)")
            #expect(restore.sync.warnings.count { $0.contains("7 of") } == 1)
            #expect(try fixture.sessions("b") == Set(all + ["new"]))
            #expect(try fixture.files("b") == ["f": "new"])
        }
    }

    @Test("A memory that is gone at the store removes nothing")
    func gone() async throws {
        try await Fixture.with { fixture in
            try fixture.write(Dictionary(uniqueKeysWithValues: (0..<20).map { ("session/\($0).json", "{}") }))
            try fixture.addSessions(["one"])
            try #require(await fixture.memory().push().success)
            let keys = try await fixture.store.list(prefix: "").collect().map(\.key)
            try #require(try await fixture.store.delete(keys).isEmpty)
            let pull = await fixture.memory().pull()
            #expect(pull.success, "\(pull)")
            #expect(try fixture.files().count == 20)
            #expect(try fixture.sessions() == ["one"])
        }
    }

    @Test("A few removals are followed at once")
    func few() async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            try await emptied(fixture, keeping: 4...8, of: all)
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.sessions.removed == 3)
            #expect(pull.sessions.added == 1)
            #expect(try fixture.sessions("b") == Set(Fixture.names(4...8) + ["new"]))
        }
    }

    @Test("Files that are missing here come back, and the result says how many", arguments: [1, 3])
    func back(count: Int) async throws {
        try await Fixture.with { fixture in
            try fixture.write(Dictionary(uniqueKeysWithValues: (0..<count + 1).map { ("\($0)", "x") }))
            try #require(await fixture.memory().push().success)
            for n in 0..<count { try fixture.remove("\(n)") }
            let pull = await fixture.memory().pull()
            #expect(pull.success, "\(pull)")
            #expect(try fixture.files().count == count + 1)
            let words = count == 1 ? "1 file that was missing here is back" : "3 files that were missing here are back"
            #expect(pull.warnings.contains { $0.hasPrefix(words) }, "\(pull.warnings)")
        }
    }
}
