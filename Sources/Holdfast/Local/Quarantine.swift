import AgentDatabase
import FileIO

/// Place beside the storage directory for a state that the agent must not start on. It stays there until the next save.
struct Quarantine: Sendable {
    let storage: String
    /// The value of `OPENCODE_DB`.
    let database: String?

    private var parent: String { DatabaseScan.dataDirectory(of: storage) }
    private var storageName: [UInt8] { storage.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? [] }
    /// `.storage.holdfast-aside`.
    private var name: [UInt8] { Array(".".utf8) + storageName + Array(".holdfast-aside".utf8) }

    /// Where the states are.
    var path: String { "\(parent)/\(String(decoding: name, as: UTF8.self))" }

    /// Whether a state was put aside since the last save.
    func exists() async -> Bool {
        let path = path
        return (try? await FileIO.run { try FileStatus.at(path).kind == .directory }) ?? false
    }

    /// Takes the storage directory and the databases beside it out of the way.
    /// - Parameter keeping: the state holds what only this machine had; then no save removes it.
    /// - Returns: where they are now.
    /// - Throws: ``FileError``.
    func take(keeping: Bool) async throws -> String {
        let (storage, parent, name, storageName, named) = (storage, parent, name, storageName, database)
        return try await FileIO.run {
            let folder = try File.open(parent, [.read, .directory])
            let random = String(UInt64.random(in: .min ... .max), radix: 16)
            let place = keeping ? Array(".".utf8) + storageName + Array(".holdfast-kept-\(random)".utf8) : name
            try folder.makeDirectory(place, permissions: 0o700)
            let top = try File.open(place, in: folder, [.read, .directory, .noFollow])
            // Numbered, since the state of the cache may be followed by that of the store.
            let number = Array("\(try top.entries().count + 1)".utf8)
            try top.makeDirectory(number, permissions: 0o700)
            let target = try File.open(number, in: top, [.read, .directory, .noFollow])
            let databases = try DatabaseScan.find(beside: storage, named: named)
            // What may be whole stays: nobody else has another copy of it.
            let malformed = databases.problems.filter { $0.cause.kind == .malformed }
            for path in databases.databases.map(\.path) + malformed.map(\.path) {
                try Self.move(path, suffixes: ["", "-wal", "-shm", "-journal"], to: target)
            }
            if try folder.statusIfPresent(of: storageName) != nil {
                try folder.rename(storageName, to: storageName, in: target)
            }
            return String(decoding: top.joined(number), as: UTF8.self)
        }
    }

    private static func move(_ path: String, suffixes: [String], to target: File) throws {
        let folder = try File.open(DatabaseScan.dataDirectory(of: path), [.read, .directory])
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        for suffix in suffixes {
            let name = name + Array(suffix.utf8)
            if try folder.statusIfPresent(of: name) != nil { try folder.rename(name, to: name, in: target) }
        }
    }

    /// Removes what was put aside; what only this machine had stays.
    /// - Throws: ``FileError``.
    func remove() async throws {
        let (parent, name) = (parent, name)
        try await FileIO.run {
            do throws(FileError) { try File.open(parent, [.read, .directory]).removeTree(name) } catch {
                if !error.isNotFound { throw error }
            }
        }
    }
}
