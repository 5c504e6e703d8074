import AgentDatabase
import AgentFiles
import Basics
import FileIO
import NIOCore
import Repository

extension Doctor {
    /// With less than this free, in bytes, nothing works for long.
    private static let leastSpace: Int64 = 64 << 20

    /// The storage directory, what this machine remembers, databases, space.
    func localFindings() async throws -> [Finding] {
        var size: Int64 = 0
        var found: [Finding] = []
        for look in [storageFinding, databaseFinding] {
            let (finding, bytes) = try await look()
            found.append(finding)
            size += bytes
        }
        if role != .prune { found.insert(try await stateFinding(), at: 1) }
        if let finding = try await keptFinding() { found.append(finding) }
        found.append(try await spaceFinding(size))
        return found
    }

    /// What pulls and restores have kept beside the state.
    private func keptFinding() async throws -> Finding? {
        let states = KeptStates(storage: memory.options.storage, database: memory.options.database)
        do {
            let kept = try await FileIO.run { try states.list() }
            guard let newest = kept.first else { return nil }
            let rest = kept.count > 1 ? " and \(kept.count - 1) more" : ""
            return Finding(
                .kept, .ok,
                "\(newest.path)\(rest), replaced by pulls; the newest \(KeptStates.leastKept) of a kind and those of the "
                    + "last 30 days are kept")
        } catch {
            try unlessCancelled(error)
            return Finding(.kept, .warning, "\(Finding(.kept, failed: error).text)")
        }
    }

    private func storageFinding() async throws -> (Finding, Int64) {
        let path = memory.options.storage
        do {
            let scan = try await StorageScan.scan(path, exclusions: memory.options.exclusions)
            if scan.rootMissing {
                return (Finding(.storage, .ok, "\(path) does not exist yet; a pull makes it"), 0)
            }
            if let failure = scan.failures.first {
                let text = "\(count(scan.failures.count, "file or directory")) cannot be read: \(failure)"
                return (Finding(.storage, .problem, text, fix: "Check the owner and the rights."), scan.totalBytes)
            }
            let isWritable = try await FileIO.run {
                try File.open(path, [.read, .directory]).permits(.write, of: ".".utf8)
            }
            guard isWritable || role == .prune else {
                return (
                    Finding(
                        .storage, .problem, "\(path) cannot be written to, so nothing can be pulled",
                        fix: "Check the owner and the rights."), scan.totalBytes
                )
            }
            return (Finding(.storage, .ok, "\(count(scan.files.count, "file")) in \(path)"), scan.totalBytes)
        } catch {
            try unlessCancelled(error)
            return (Finding(.storage, failed: error), 0)
        }
    }

    private func stateFinding() async throws -> Finding {
        guard let path = memory.options.stateDirectory else {
            return Finding(.state, .warning, "this machine remembers nothing between two commands")
        }
        do {
            try await FileIO.run {
                try makeDirectories(path, permissions: 0o700)
                let directory = try File.open(path, [.read, .directory])
                let name = FileIO.temporaryName("doctor-")
                try File.open(name, in: directory, [.write, .create, .createNew]).sync()
                try directory.remove(name)
            }
            return Finding(.state, .ok, path)
        } catch {
            try unlessCancelled(error)
            let problem = Finding(.state, failed: error)
            return Finding(
                .state, .warning,
                "\(problem.text); without it every file is read each time, and a pull asks about every difference",
                fix: problem.fix ?? "Set XDG_STATE_HOME to a directory that can be written to.", code: problem.code)
        }
    }

    private func databaseFinding() async throws -> (Finding, Int64) {
        do {
            let found = try await memory.workspace.databases()
            if let problem = found.problems.first {
                let failure = problem.cause.failure
                return (Finding(.databases, .problem, failure.message, fix: failure.hint, code: failure.code), 0)
            }
            for database in found.databases {
                try await FileIO.run { _ = try File.open(database.path, .read).status() }
            }
            let names = found.databases.map(\.path).joined(separator: ", ")
            let text = names.isEmpty ? "none found" : "found \(names)"
            if let notice = found.leftOutNotice {
                let fix = "Move copies out of the directory; --include with a name takes one as a database."
                return (
                    Finding(.databases, .warning, "\(text); \(notice)", fix: fix),
                    found.databases.reduce(0) { $0 + $1.size }
                )
            }
            return (Finding(.databases, .ok, text), found.databases.reduce(0) { $0 + $1.size })
        } catch {
            try unlessCancelled(error)
            return (Finding(.databases, failed: error), 0)
        }
    }

    /// A pull has the old state and the new one for a moment, a capture the images of databases.
    private func spaceFinding(_ size: Int64) async throws -> Finding {
        let path = memory.options.storage
        do {
            let free = try await FileIO.run { try FileSystemSpace.available(at: path) }
            let text = "\(free >> 20) MiB free where \(path) is"
            guard free < max(size, Self.leastSpace) else { return Finding(.space, .ok, text) }
            return Finding(
                .space, free < Self.leastSpace ? .problem : .warning,
                "\(text); a pull keeps the old state of \(size >> 20) MiB until the new one is complete",
                fix: "Free some disk space.")
        } catch {
            try unlessCancelled(error)
            return Finding(.space, failed: error)
        }
    }
}
