import AgentState
import FileIO

/// Why a state that was restored must not be used.
struct StateFault: Error, Sendable, Equatable {
    enum Kind: Sendable { case corrupt, version }

    let kind: Kind
    let reason: String
}

/// Looks at a restored state as RFC-002 asks: what an agent would stumble over makes it useless.
///
/// The content is known to be what was saved, so this finds what was broken before the save.
struct StateCheck: Sendable {
    let storage: String
    /// The value of `OPENCODE_DB`.
    let database: String?

    /// - Throws: `CancellationError`.
    /// - Returns: `nil` if the state is sound, or there is none.
    func run() async throws -> StateFault? {
        do {
            if let reason = try await StorageVersion.mismatch(in: storage) {
                return StateFault(kind: .version, reason: reason)
            }
            return try await corruption().map { StateFault(kind: .corrupt, reason: $0) }
        } catch let error as FileError {
            return StateFault(kind: .corrupt, reason: "\(error)")
        } catch let error as CancellationError {
            throw error
        } catch {
            return StateFault(kind: .corrupt, reason: "\(error)")
        }
    }

    private func corruption() async throws -> String? {
        let scan = try await StorageScan.scan(storage, exclusions: .onlyNeverStored)
        if let failure = scan.failures.first { return "\(failure)" }
        for file in scan.files {
            if file.path.parent == nil, Self.directories.contains(where: { file.path.bytes.elementsEqual($0.utf8) }) {
                return "'\(file.path)' is not a directory"
            }
            if Self.isTorn(file) { return "'\(file.path)' is empty" }
        }
        return try await damagedDatabase()
    }

    /// A JSON file of no bytes: OpenCode writes in place, so this is what a killed process leaves.
    static func isTorn(_ file: StorageScan.ScannedFile) -> Bool {
        file.status.size == 0 && file.path.name.suffix(5).elementsEqual(".json".utf8)
    }

    /// What the RFC and OpenCode call the directory of the sessions.
    private static let directories = ["session", "sessions"]

    private func damagedDatabase() async throws -> String? {
        let (storage, named) = (storage, database)
        return try await FileIO.run { cancellation in
            let found = try DatabaseScan.find(beside: storage, named: named)
            if let problem = found.problems.first { return "'\(printable(problem.path.utf8))': \(problem.reason)" }
            for database in found.databases {
                try cancellation.check()
                if let reason = database.damage() { return "'\(printable(database.name))': \(reason)" }
            }
            return nil
        }
    }
}
