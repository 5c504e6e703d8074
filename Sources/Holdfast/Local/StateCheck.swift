import AgentDatabase
import AgentFiles
import FileIO

/// Why a state that was restored must not be used.
struct StateFault: Error, Sendable, Equatable {
    enum Kind: Sendable { case corrupt, version }

    let kind: Kind
    let reason: String
}

/// Looks at a restored state as RFC-002 asks: what an agent would stumble over makes it useless.
///
/// The content is known to be what was saved, so this finds what was broken before the save. A database that is locked,
/// encrypted or another user's may be whole: the restore has passed it over and left it where it is, and so does this.
struct StateCheck: Sendable {
    let storage: String
    /// The value of `OPENCODE_DB`.
    let database: String?

    /// - Parameter files: what is known already, so that thousands of files need not be looked at again.
    /// - Throws: `CancellationError`.
    /// - Returns: `nil` if the state is sound, or there is none.
    func run(knowing files: FileSoundness = .unknown) async throws -> StateFault? {
        do {
            if let reason = try await StorageVersion.mismatch(in: storage) {
                return StateFault(kind: .version, reason: reason)
            }
            return try await corruption(files).map { StateFault(kind: .corrupt, reason: $0) }
        } catch let error as FileError {
            return StateFault(kind: .corrupt, reason: "\(error)")
        } catch let error as CancellationError {
            throw error
        } catch {
            return StateFault(kind: .corrupt, reason: "\(error)")
        }
    }

    private func corruption(_ known: FileSoundness) async throws -> String? {
        var files = known
        if files == .unknown {
            let scan = try await StorageScan.scan(storage, exclusions: .onlyNeverStored)
            if let failure = scan.failures.first { return "\(failure)" }
            files = Self.check(scan.files.lazy.map { ($0.path, $0.status.size) })
        }
        if case .corrupt(let reason) = files { return reason }
        return try await damagedDatabase()
    }

    /// Looks at a set of files, each with its size in bytes.
    static func check(_ files: some Sequence<(RelativePath, Int64)>) -> FileSoundness {
        for (path, size) in files {
            if !path.bytes.contains(UInt8(ascii: "/")),
                directories.contains(where: { path.bytes.elementsEqual($0.utf8) })
            {
                return .corrupt(reason: "'\(path)' is not a directory")
            }
            if isTorn(path, size: size) { return .corrupt(reason: "'\(path)' is empty") }
        }
        return .sound
    }

    /// A JSON file of no bytes: OpenCode writes in place, so this is what a killed process leaves.
    static func isTorn(_ path: RelativePath, size: Int64) -> Bool {
        size == 0 && path.name.suffix(5).elementsEqual(".json".utf8)
    }

    /// What the RFC and OpenCode call the directory of the sessions.
    private static let directories = ["session", "sessions"]

    private func damagedDatabase() async throws -> String? {
        let (storage, named) = (storage, database)
        return try await FileIO.run { cancellation in
            let found = try DatabaseScan.find(beside: storage, named: named)
            for cause in found.problems.map(\.cause) where cause.kind == .malformed { return cause.description }
            for database in found.databases {
                try cancellation.check()
                if let cause = database.trouble(), cause.kind == .malformed { return cause.description }
            }
            return nil
        }
    }
}
