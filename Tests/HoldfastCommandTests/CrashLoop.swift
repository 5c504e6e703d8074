import Basics
import Foundation
import Holdfast
import ObjectStore
import TestSupport
import Testing

/// A writer whose pushes and a reader whose pulls are killed, again and again, with a model of what must be there.
///
/// The writer is alone, so at any time the memory must hold a state that it pushed: the one whose push said that it
/// was done, or the one whose push was killed.
///
/// What is killed is always the command. Most of what is done around that is done in this process, at a fifth of the price.
struct CrashLoop: Sendable {
    private var random: SeededGenerator
    private var state: ChangingState
    private let writer: Machine
    private let reader: Machine
    private let sandbox: Sandbox

    /// What the writer's storage directory holds.
    private var local: [String: Data] = [:]
    /// What the memory holds, as far as is known.
    private var saved: [String: Data] = [:]
    /// States of which it is not known whether they have become the memory's.
    private var pending: [[String: Data]] = []

    private var pushTime = RunTime()
    private var pullTime = RunTime()
    private(set) var figures = Figures()

    struct Figures: Sendable, CustomStringConvertible {
        /// Runs that were to be killed; some came to their end before.
        var attempts = 0
        var killedPushes = 0
        var killedPulls = 0
        /// Killed pushes whose state had become the memory's.
        var committed = 0
        /// Killed pushes that left objects, but no commit.
        var halfWritten = 0
        /// Killed pulls that left the staging directory.
        var staged = 0
        /// Killed pulls that left some files old and some new.
        var mixed = 0
        /// Pulls that finished a killed one when the memory had moved on meanwhile.
        var overtaken = 0

        var kills: Int { killedPushes + killedPulls }

        static func += (sum: inout Figures, other: Figures) {
            sum.attempts += other.attempts
            sum.killedPushes += other.killedPushes
            sum.killedPulls += other.killedPulls
            sum.committed += other.committed
            sum.halfWritten += other.halfWritten
            sum.staged += other.staged
            sum.mixed += other.mixed
            sum.overtaken += other.overtaken
        }

        var description: String {
            "\(attempts) runs, \(killedPushes) pushes and \(killedPulls) pulls killed in the middle; of the pushes "
                + "\(committed) had committed and \(halfWritten) had written objects; of the pulls \(staged) had "
                + "staged files and \(mixed) were between the files, \(overtaken) were overtaken"
        }
    }

    /// Saves a first state and restores it, undisturbed, to know how long that takes.
    init(_ sandbox: Sandbox, _ random: SeededGenerator) async throws {
        self.random = random
        self.sandbox = sandbox
        state = ChangingState(&self.random)
        (writer, reader) = (Machine("writer", in: sandbox), Machine("reader", in: sandbox))
        try await push()
        for _ in 0..<3 {
            change()
            try await push()
            try await pull(reader)
            try equal(try reader.files(), saved, "after an undisturbed pull")
        }
    }

    private var context: String { "seed \(random.seed), run \(figures.attempts)" }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        try #require(condition, "\(context): \(message())")
    }

    private func equal(_ actual: [String: Data], _ expected: [String: Data], _ place: String) throws {
        let difference = difference(actual, expected)
        try require(difference == nil, "\(place): \(difference ?? "")")
    }

    // MARK: What is not disturbed

    private mutating func change() { state.change(&random) }

    /// Saves the state as it is now; the memory must hold exactly that.
    private mutating func push() async throws {
        try writer.replace(local, by: state.files)
        local = state.files
        if pushTime.isToBeMeasured() {
            let start = ContinuousClock.now
            let run = try await writer.run("push")
            pushTime.add(ContinuousClock.now - start)
            try require(run.code == 0, "push: \(run.status) \(run.err)")
        } else {
            let result = try await writer.push()
            try require(result.success, "push: \(result)")
        }
        (saved, pending) = (local, [])
    }

    private mutating func pull(_ machine: Machine) async throws {
        if pullTime.isToBeMeasured() {
            let start = ContinuousClock.now
            let run = try await machine.run("pull")
            pullTime.add(ContinuousClock.now - start)
            try require(run.code == 0, "pull on \(machine.name): \(run.status) \(run.out) \(run.err)")
        } else {
            let result = try await machine.pull()
            try require(result.success, "pull on \(machine.name): \(result)")
        }
    }

    /// The memory verifies, and a machine that has nothing gets a state that was pushed: the new one if there is one.
    private mutating func check() async throws {
        let fresh = Machine("fresh", in: sandbox)
        // Both only read, so they may run at the same time.
        async let verifying = Machine("verifier", in: sandbox).damage()
        async let pulling = fresh.pull()
        let (damage, pull) = try await (verifying, pulling)
        try require(damage == nil, "verify: \(damage ?? "")")
        try require(pull.success, "fresh pull: \(pull)")
        let files = try fresh.files()
        try fresh.remove()
        if let found = pending.lastIndex(of: files) {
            saved = pending[found]
            pending.removeFirst(found + 1)
        } else {
            let alternatives = pending.map { difference(files, $0) ?? "" }
            try require(
                files == saved,
                "fresh pull against what was saved: \(difference(files, saved) ?? ""); against what was being saved: \(alternatives)"
            )
        }
    }

    // MARK: What is killed

    mutating func killPush() async throws {
        change()
        try writer.replace(local, by: state.files)
        local = state.files
        pending.append(local)
        let before = try await objects()
        figures.attempts += 1
        let run = try await writer.run("push", killedAfter: pushTime.moment(&random))
        switch run.code {
        case 0: (saved, pending) = (local, [])
        case Machine.killed: figures.killedPushes += 1
        default: try require(false, "push: \(run.status) \(run.err)")
        }
        let written = try await objects().subtracting(before)
        let wasSaved = saved
        try await check()
        if run.code == Machine.killed {
            if saved == local, wasSaved != local {
                figures.committed += 1
            } else if !written.isEmpty {
                figures.halfWritten += 1
            }
        }
        // What the killed process left in the local state must not mislead the next push, of the same or another state.
        if Bool.random(using: &random) { change() }
        try await push()
    }

    mutating func killPull() async throws {
        let old = try reader.files()
        if saved == old {
            change()
            try await push()
        }
        figures.attempts += 1
        let run = try await reader.run("pull", killedAfter: pullTime.moment(&random))
        let now = try reader.files()
        let files = now.filter { !isStaging($0.key) }
        switch run.code {
        case 0: try equal(now, saved, "after a pull")
        case Machine.killed:
            figures.killedPulls += 1
            if try sandbox.tree(reader.storage).keys.contains(where: isStaging) { figures.staged += 1 }
            if difference(files, old) != nil, difference(files, saved) != nil { figures.mixed += 1 }
        default: try require(false, "pull: \(run.status) \(run.out) \(run.err)")
        }
        for path in Set(files.keys).union(old.keys).union(saved.keys) {
            try require(
                files[path] == old[path] || files[path] == saved[path],
                "'\(path)' is neither old nor new after a killed pull")
        }
        try await check()
        if Int.random(in: 0..<4, using: &random) == 0 {
            figures.overtaken += 1
            change()
            try await push()
        }
        try await pull(reader)
        // Staging directories are files too many here.
        try equal(try reader.files(), saved, "after the pull that follows a killed one")
        try require(!(try sandbox.tree(reader.storage).keys.contains(where: isStaging)), "a staging directory is left")
    }

    private func isStaging(_ path: String) -> Bool {
        path.split(separator: "/").contains { $0.hasPrefix(".holdfast-") }
    }

    /// The objects of commits and packs that the store holds.
    private func objects() async throws -> Set<String> {
        try await sandbox.withStore { store in
            let prefix = String(sandbox.mirrorPrefix.dropLast("storage/".count))
            return Set(
                try await store.list(prefix: prefix).collect().map(\.key.text).filter {
                    $0.hasPrefix(prefix + "packs/") || $0.hasPrefix(prefix + "commits/")
                })
        }
    }

    /// The last look: all that the memory holds can be read.
    func finish() async throws {
        let run = try await Machine("last", in: sandbox).run("verify", "--read-data")
        try require(run.code == 0, "verify --read-data: \(run.status) \(run.out) \(run.err)")
    }
}
