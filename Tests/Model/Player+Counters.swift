import Foundation
import TestSupport

/// The numbers that commands print.
extension Player {
    /// What the machine and the store had before a command that moves files.
    struct BeforeTransfer {
        /// The files here, by their contents.
        let files: Contents
        /// All that is here is in the newest snapshot, and nothing else is.
        let isInStep: Bool
        /// The version of the layout is not written here yet: a save or a pull will do it.
        let lacksVersion: Bool
        /// How many files a push sends: those that changed here since they were saved, and at most all that no newest
        /// snapshot has; `nil` if that is unknown.
        let new: ClosedRange<Int>?
    }

    /// - Parameter own: the changes that no snapshot has.
    func beforeTransfer(_ machine: Int, _ live: AgentMachine.Live, own: Set<Int>) -> BeforeTransfer {
        let memory = memory(of: machine)
        let mind = minds[machine]
        let heads = memory.heads.map { memory.snapshots[$0]?.contents }
        let files = live.contents.filter(\.key.isFile)
        let other = files.filter { file in !heads.contains { $0?[file.key] == file.value } }
        let new =
            heads.contains { $0 == nil }
            ? nil
            : other.count { file in
                own.contains { truth.events[$0].unit == file.key && truth.events[$0].content == file.value }
            }...other.count
        return BeforeTransfer(
            files: files,
            isInStep: !mind.changed && !mind.savedBehind && mind.base != nil && mind.base == memory.heads.first
                && memory.heads.count == 1 && memory.tip?.contents == live.contents,
            lacksVersion: !FileManager.default.fileExists(
                atPath: machines[machine].storage.appendingPathComponent(".version").path),
            new: new)
    }

    /// Checks what a command says of the memory, and how much it moved.
    /// - Parameter moved: how many files must have been moved; `nil` if that is unknown. The database and the version of
    ///   the layout may have been as well.
    func checkCounters(
        _ run: Finished, _ machine: Int, _ before: BeforeTransfer, moved: ClosedRange<Int>?, _ operation: String
    ) async throws {
        guard let id = run.json["snapshot"].string else { return }
        let objects = run.json["transferredObjects"].int ?? -1
        let bytes = run.json["transferredBytes"].int ?? -1
        let requests = run.json["requests"].int ?? -1
        var wrong: [String] = []
        if requests < 1 { wrong.append("\(requests) requests") }
        if let moved, !(moved.lowerBound...moved.upperBound + 2).contains(objects) {
            wrong.append(
                "\(objects) transferred objects, and \(moved.lowerBound) to \(moved.upperBound) files were new")
        }
        let isUnexpected = before.isInStep && objects > (before.lacksVersion ? 1 : 0)
        let isDatabase = wrong.isEmpty && isUnexpected && objects == 1 && machines[machine].hasDatabase
        if isUnexpected { wrong.append("\(objects) transferred objects, and nothing was new") }
        if objects > 0 ? bytes < 1 : bytes < 0 { wrong.append("\(bytes) transferred bytes of \(objects) objects") }
        if let first = wrong.first {
            try report(
                Violation(
                    invariant: .counters, unit: isDatabase ? "database" : nil, operation: operation,
                    text: "\(machineName(machine)), snapshot \(id.prefix(12)): \(first)"))
        }
        try await checkListing(id, run, machine, operation)
    }

    /// Checks that `ls` counts the same, and the files that a fresh machine gets.
    private func checkListing(_ id: String, _ run: Finished, _ machine: Int, _ operation: String) async throws {
        let list = try await memory(of: machine).probe.run(["ls", "--json", "--at", id])
        guard list.code == 0 else {
            if past.contains(.damaged) { return }
            return try report(Violation(invariant: .exit, operation: "ls", text: list.words))
        }
        for name in ["objectCount", "totalBytes"] where run.json[name] != list.json[name] {
            try report(
                Violation(
                    invariant: .counters, operation: operation,
                    text: "\(name) is \(run.json[name]) in the result and \(list.json[name]) in ls"))
        }
        let paths = Set((list.json["objects"].array ?? []).compactMap { $0["path"].string })
        guard let contents = memory(of: machine).snapshots[id]?.contents else { return }
        let files = contents.keys.count(where: \.isFile)
        let listed = paths.count { $0 != ".version" && !$0.hasSuffix("opencode.db") }
        if listed != files {
            try report(
                Violation(
                    invariant: .counters, operation: operation,
                    text: "ls has \(listed) files, and \(files) are restored"))
        }
    }

    /// Checks that `status` names exactly what differs here, on a machine that has the newest snapshot and changed since.
    /// One that saved behind others has yet to get what they added, which is not removed here.
    func checkChanges(_ machine: Int, _ live: AgentMachine.Live) async throws {
        let memory = memory(of: machine)
        guard !isRefusing, !isOld(machine), !past.contains(.damaged), memory.heads.count == 1, let tip = memory.tip,
            minds[machine].changed, !minds[machine].savedBehind, minds[machine].base == tip.id,
            let stored = tip.contents
        else { return }
        let units = Set(stored.keys).union(live.contents.keys)
            .filter { stored[$0] != live.contents[$0] && !isTainted($0) }
        let run = try await machines[machine].run(["status", "--json"])
        let local = run.json["local"]
        let named = Set(
            ["added", "changed", "removed"].flatMap { local[$0].array ?? [] }.compactMap { $0["path"].string })
        let files = Set(named.filter { $0 != ".version" && !$0.hasSuffix("opencode.db") })
        let expected = Set(
            units.compactMap { unit -> String? in
                if case .file(let path) = unit { path } else { nil }
            })
        let hasRows = units.contains { !$0.isFile }
        guard run.code != 0 || files != expected || (hasRows && !named.contains { $0.hasSuffix("opencode.db") })
        else { return }
        try report(
            Violation(
                invariant: .status, unit: files == expected ? "database" : "file", operation: "push",
                text: "\(machineName(machine)) differs from the newest snapshot in \(expected.sorted())"
                    + "\(hasRows ? " and its database" : ""); status: \(named.sorted())"))
    }
}
