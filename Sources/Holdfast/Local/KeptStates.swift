import AgentDatabase
import Basics
import FileIO
import Logging

/// What Holdfast has kept beside the state here: files that a pull replaced, databases, and whole states that an agent must
/// not start on but that only this machine had.
///
/// Of each kind, the newest three stay, and what is younger than thirty days; older ones are removed when another is kept.
struct KeptStates: Sendable {
    let storage: String
    /// The value of `OPENCODE_DB`.
    let database: String?

    enum Kind: Sendable, CaseIterable { case files, database, state }

    struct Kept: Sendable {
        let path: String
        let kind: Kind
        /// When it was put there, in nanoseconds since 1970.
        let keptAt: Int64
        fileprivate let directory: String
        fileprivate let names: [[UInt8]]
    }

    /// How many of each kind always stay.
    static let leastKept = 3
    /// Nanoseconds after which others are removed.
    static let longestKept: Int64 = 30 * 86_400 * 1_000_000_000

    private var parent: String { DatabaseScan.dataDirectory(of: storage) }
    private var storageName: [UInt8] { storage.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? [] }

    /// All that is kept, the newest first. Blocks.
    /// - Throws: ``FileError``.
    func list() throws(FileError) -> [Kept] {
        var found = try list(in: parent, for: nil)
        if let database, database.utf8.first == UInt8(ascii: "/") {
            let name = database.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
            found += try list(in: DatabaseScan.dataDirectory(of: database), for: name)
        }
        var seen: Set<[UInt8]> = []
        return found.sorted { $0.keptAt > $1.keptAt }.filter { seen.insert(Array($0.path.utf8)).inserted }
    }

    /// - Parameter name: of the only database that is looked for; `nil` for all that is kept beside the storage directory.
    private func list(in directory: String, for name: [UInt8]?) throws(FileError) -> [Kept] {
        let folder: File
        do throws(FileError) { folder = try File.open(directory, [.read, .directory]) } catch {
            if error.isNotFound { return [] }
            throw error
        }
        let entries = try folder.entries()
        let all = Set(entries.map(\.name))
        var found: [Kept] = []
        for entry in entries {
            guard let kind = kind(of: entry.name, for: name),
                (entry.kind == .directory) == (kind != .database),
                let status = try folder.statusIfPresent(of: entry.name)
            else { continue }
            let sides = kind == .database ? ["-wal", "-journal"].map { entry.name + Array($0.utf8) } : []
            found.append(
                Kept(
                    path: String(decoding: folder.joined(entry.name), as: UTF8.self), kind: kind,
                    keptAt: status.changed,
                    directory: directory, names: [entry.name] + sides.filter(all.contains)))
        }
        return found
    }

    /// What a name that Holdfast gives is for. Names that only look alike are somebody else's.
    private func kind(of name: [UInt8], for database: [UInt8]?) -> Kind? {
        if database == nil {
            let kept = Array(".".utf8) + storageName + Array(".holdfast-kept-".utf8)
            if name.starts(with: kept), Self.isHex(name.dropFirst(kept.count)) { return .state }
            let replaced = storageName + Array(".replaced-".utf8)
            if name.starts(with: replaced) {
                let parts = name.dropFirst(replaced.count).split(separator: UInt8(ascii: "-"))
                return parts.count == 2 && parts.allSatisfy { $0.allSatisfy { (0x30...0x39).contains($0) } }
                    ? .files : nil
            }
        }
        let mark = Array(".replaced-".utf8)
        guard let end = name.indices.last(where: { name[$0...].starts(with: mark) }) else { return nil }
        let stem = Array(name[..<end])
        let isDatabase = database.map { $0 == stem } ?? DatabaseScan.isDatabaseName(stem)
        return isDatabase && Self.isHex(name[(end + mark.count)...]) ? .database : nil
    }

    private static func isHex(_ text: some Collection<UInt8>) -> Bool {
        (1...16).contains(text.count) && text.allSatisfy { Hexadecimal.lowerCaseValue($0) != nil }
    }

    /// Removes what is neither among the newest nor young. Blocks.
    /// - Parameter now: in nanoseconds since 1970.
    /// - Throws: ``FileError``.
    func prune(now: Int64) throws(FileError) {
        let all = try list()
        for kind in Kind.allCases {
            for old in all.filter({ $0.kind == kind }).dropFirst(Self.leastKept)
            where old.keptAt < now - Self.longestKept {
                let folder = try File.open(old.directory, [.read, .directory])
                for name in old.names.reversed() { try folder.removeTree(name) }
            }
        }
    }
}

extension Workspace {
    /// Removes what was kept long ago. That it cannot be removed is no reason to fail.
    func pruneKeptStates() async {
        let (kept, now) = (KeptStates(storage: storage, database: databaseOptions.named), environment.now())
        do { try await FileIO.run { try kept.prune(now: now) } } catch {
            logger.warning("What was kept long ago cannot be removed", metadata: ["error": "\(error)"])
        }
    }
}
