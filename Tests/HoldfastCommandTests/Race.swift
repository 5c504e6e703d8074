import Basics
import FileIO
import Foundation
import Holdfast
import NIOCore
import Repository
import TestSupport
import Testing

/// Eight machines that started from the same state and push at once, one more that looks at what came of it, and a
/// model of what must be there.
struct Race {
    static let count = 8

    let machines: [Machine]
    private let observer: Machine
    private let seed: UInt64
    /// What the memory must hold when all has been merged.
    private var expected: [String: Data]
    private(set) var figures = Figures()

    struct Figures: CustomStringConvertible {
        var pushes = 0
        /// Pushes that gave up for the time being (exit code 75); their changes must arrive all the same.
        var conflicts = 0
        var description: String { "\(pushes) pushes, \(conflicts) of them left a fork for the next one" }
    }

    /// Pushes the files from one machine and pulls them to all others.
    init(_ sandbox: Sandbox, seed: UInt64, files: [String: String]) async throws {
        self.seed = seed
        // Machines that have not pulled for rounds meet the removals of all others at once.
        var sandbox = sandbox
        sandbox.environment["HOLDFAST_ALLOW_SHRINK"] = "true"
        let place = sandbox
        machines = (0..<Self.count).map { Machine("\($0)", in: place) }
        observer = Machine("observer", in: place)
        expected = files.mapValues { Data($0.utf8) }
        for (path, content) in expected { try observer.write(path, content) }
        try await observe("the first push")
        try await pull(machines)
    }

    private func check(_ run: Finished, _ what: String, allowing codes: Set<Int32> = [0]) throws {
        try #require(run.code.map(codes.contains) == true, "seed \(seed): \(what): \(run.status) \(run.out) \(run.err)")
    }

    // MARK: A round

    /// Pulls to a quarter of the machines; the others go on from what they had.
    func pull(some random: inout SeededGenerator) async throws {
        try await pull(machines.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
    }

    private func pull(_ machines: [Machine]) async throws {
        try await withThrowingTaskGroup { group in
            for machine in machines { group.addTask { (machine, try await machine.pull()) } }
            for try await (machine, result) in group {
                try #require(result.success, "seed \(seed): pull to machine \(machine.name): \(result)")
            }
        }
    }

    mutating func write(_ path: String, _ content: String, modified: Date? = nil, on machine: Int) throws {
        try machines[machine].write(path, content, modified: modified)
        expected[path] = Data(content.utf8)
    }

    mutating func remove(_ path: String, on machine: Int) throws {
        try machines[machine].remove(path)
        expected[path] = nil
    }

    /// Pushes from all machines at once.
    mutating func push() async throws {
        let runs = try await withThrowingTaskGroup { group in
            for machine in machines { group.addTask { (machine, try await machine.run("push")) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for (machine, run) in runs {
            try check(run, "push from machine \(machine.name)", allowing: [0, 75])
            figures.pushes += 1
            figures.conflicts += run.code == 75 ? 1 : 0
        }
    }

    /// Pushes a change of one more machine, which merges what is left of forks, and looks at what is there then.
    mutating func observe(_ round: Int) async throws {
        let content = "seen \(round)"
        try observer.write("observed", content)
        expected["observed"] = Data(content.utf8)
        try await observe("push of the observer in round \(round)")
        try await pullAll([observer], "round \(round)")
    }

    private func observe(_ what: String) async throws {
        let result = try await observer.push()
        try #require(result.success, "seed \(seed): \(what): \(result)")
    }

    /// Verifies the memory; then all machines pull and have the same.
    func finish() async throws {
        try await pullAll(machines + [Machine("fresh", in: observer.sandbox)], "the end")
        try check(try await observer.run("verify"), "verify")
    }

    private func pullAll(_ machines: [Machine], _ moment: String) async throws {
        try await pull(machines)
        for machine in machines {
            let difference = difference(try machine.files(), expected)
            try #require(difference == nil, "seed \(seed): machine \(machine.name), \(moment): \(difference ?? "")")
        }
    }

    // MARK: History

    /// The contents that a file has in the snapshots of the history.
    /// - Parameter seen: the snapshots that were looked at before; they are left out.
    func versions(of path: String, unseen seen: inout Set<String>) async throws -> Set<String> {
        let known = seen
        let found = try await observer.withMemory { memory in
            var found: [String: String] = [:]
            for snapshot in try await memory.repository.history().snapshots where !known.contains(snapshot.shortID) {
                let manifest = try await memory.repository.manifest(of: snapshot)
                guard let path = RelativePath(path), let entry = manifest.entry(path) else { continue }
                found[snapshot.shortID] = String(buffer: try await memory.repository.content(of: entry))
            }
            return found
        }
        seen.formUnion(found.keys)
        return Set(found.values)
    }
}
