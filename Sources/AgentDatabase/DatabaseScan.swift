import FileIO

/// Finds the databases of an agent: by name, and each file once, however many names and links lead to it.
public enum DatabaseScan {
    /// What was found.
    public struct Found: Sendable, Equatable {
        /// In the byte order of their names.
        public var databases: [DatabaseFile] = []
        /// What has the name of a database and cannot be read as one.
        public var problems: [Problem] = []
        /// What is left out: it stays in the store as it is, and here.
        public var leftOut: [LeftOut] = []
    }

    /// A path that should be a database.
    public struct Problem: Sendable, Equatable {
        /// The name that the store has it under.
        public let name: [UInt8]
        /// The path by which the agent opens it.
        public let path: String
        public let cause: UnreadableDatabase
        public var reason: String { cause.reason }
    }

    /// A database that is not taken.
    public struct LeftOut: Sendable, Equatable {
        public let name: [UInt8]
        public let path: String
        public let reason: String
    }

    /// Looks for `opencode*.db` beside a storage directory, and for the database that `OPENCODE_DB` names. A database is
    /// told by its header; one whose main file is empty, by its log. Blocks.
    /// - Parameters:
    ///   - storage: the storage directory; databases lie in the directory that holds it.
    ///   - named: the value of `OPENCODE_DB`, if it is set: a path, or a name relative to that directory.
    ///   - rules: which names are left out.
    /// - Throws: ``FileError`` if the directory cannot be read.
    public static func find(
        beside storage: String, named: String? = nil, rules: DatabaseNameRules = DatabaseNameRules()
    ) throws(FileError) -> Found {
        let directory = dataDirectory(of: storage)
        var found = Found()
        var candidates: [Candidate] = []
        if let path = path(ofNamed: named, in: directory), let name = storedName(ofNamed: named) {
            if let reason = rules.reason(toLeaveOutNamed: name) {
                found.leftOut.append(LeftOut(name: name, path: path, reason: reason))
            } else {
                candidates.append(Candidate(name: name, path: path, isLink: false))
            }
        }
        var others: [Candidate] = []
        for (name, kind) in try entries(of: directory) {
            let path = "\(directory)/\(name)"
            let bytes = Array(name.utf8)
            guard path != candidates.first?.path else { continue }
            if isDatabaseName(bytes) {
                if let reason = rules.reason(toLeaveOut: bytes) {
                    found.leftOut.append(LeftOut(name: bytes, path: path, reason: reason))
                } else {
                    others.append(Candidate(name: bytes, path: path, isLink: kind == .link))
                }
            } else if kind == .regular, DatabaseNameRules.isBackup(bytes) {
                found.leftOut.append(LeftOut(name: bytes, path: path, reason: "a backup"))
            }
        }
        // Of several names for one file, the one that an agent opens by default counts, and a file before a link to it.
        others.sort { ($0.isDefault ? 0 : 1, $0.isLink ? 1 : 0) < ($1.isDefault ? 0 : 1, $1.isLink ? 1 : 0) }
        for candidate in candidates + others { try take(candidate, &found) }
        found.databases.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return found
    }

    /// A name that may lead to a database.
    private struct Candidate {
        let name: [UInt8]
        let path: String
        let isLink: Bool
        var isDefault: Bool { name.elementsEqual(defaultName.utf8) }
    }

    private static func entries(of directory: String) throws(FileError) -> [(name: String, kind: FileStatus.Kind)] {
        do throws(FileError) {
            return try File.open(directory, [.read, .directory]).entries().compactMap { entry in
                guard entry.kind == .regular || entry.kind == .link else { return nil }
                return String(validating: entry.name, as: UTF8.self).map { ($0, entry.kind) }
            }
        } catch {
            guard error.isMissing else { throw error }
            return []
        }
    }

    private static func take(_ candidate: Candidate, _ found: inout Found) throws(FileError) {
        let path: String
        do throws(UnreadableDatabase) {
            path = try DatabaseLink.target(of: candidate.path)
        } catch {
            found.problems.append(Problem(name: candidate.name, path: candidate.path, cause: error))
            return
        }
        // An empty file without a log is no database yet: SQLite makes one when it is first written to.
        let database = try DatabaseFile.at(path, name: candidate.name).flatMap { $0.size > 0 ? $0 : nil }
        guard let database else { return }
        if let first = found.databases.first(where: { $0.isSameFile(as: database) }) {
            // The same name is another spelling of its path.
            guard first.name != candidate.name else { return }
            let reason = "another name of '\(first.path)'"
            return found.leftOut.append(LeftOut(name: candidate.name, path: candidate.path, reason: reason))
        }
        let taken = found.databases.map { ($0.name, $0.path) } + found.problems.map { ($0.name, $0.path) }
        if let (_, other) = taken.first(where: { $0.0 == candidate.name }) {
            guard other != path else { return }
            let reason = "OPENCODE_DB names another one, '\(other)'"
            return found.leftOut.append(LeftOut(name: candidate.name, path: candidate.path, reason: reason))
        }
        if let cause = UnreadableDatabase.atFirstSight(database) {
            found.problems.append(Problem(name: candidate.name, path: path, cause: cause))
        } else {
            found.databases.append(database)
        }
    }

    /// The directory that holds a storage directory.
    public static func dataDirectory(of storage: String) -> String {
        let bare = storage.utf8.reversed().drop { $0 == UInt8(ascii: "/") }
        let parent = bare.drop { $0 != UInt8(ascii: "/") }.drop { $0 == UInt8(ascii: "/") }
        if !bare.contains(UInt8(ascii: "/")) { return "." }
        return parent.isEmpty ? "/" : String(decoding: parent.reversed(), as: UTF8.self)
    }

    /// Where a database of this name is, or would be, on this machine. A link there is not followed.
    public static func path(of name: [UInt8], beside storage: String, named: String?) -> String {
        let directory = dataDirectory(of: storage)
        if let path = path(ofNamed: named, in: directory), storedName(ofNamed: named) == name { return path }
        return "\(directory)/\(String(decoding: name, as: UTF8.self))"
    }

    /// OpenCode's rule: `:memory:` is none, an absolute path is itself, all else is relative to the data directory.
    private static func path(ofNamed named: String?, in directory: String) -> String? {
        guard let named, !named.isEmpty, named != ":memory:" else { return nil }
        return isAbsolute(named) ? named : "\(directory)/\(named)"
    }

    /// The name that the store has the database of `OPENCODE_DB` under. An absolute path holds for one machine only:
    /// elsewhere the agent opens its default database.
    /// - Returns: `nil` if it names none.
    public static func storedName(ofNamed named: String?) -> [UInt8]? {
        guard let named, named != ":memory:", let last = named.utf8.split(separator: UInt8(ascii: "/")).last else {
            return nil
        }
        return isAbsolute(named) ? Array(defaultName.utf8) : Array(last)
    }

    private static func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

    /// The database that an agent opens where nothing else is said.
    static let defaultName = "opencode.db"

    /// `opencode*.db`.
    public static func isDatabaseName(_ name: [UInt8]) -> Bool {
        name.count >= defaultName.utf8.count && name.starts(with: "opencode".utf8)
            && name.suffix(3).elementsEqual(".db".utf8)
    }

    /// Whether content is that of an SQLite database, by its header.
    public static func isDatabase(startingWith bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: "SQLite format 3\0".utf8)
    }
}

extension DatabaseFile {
    /// Whether two names lead to one file.
    func isSameFile(as other: DatabaseFile) -> Bool {
        guard let main, let other = other.main else { return false }
        return main.inode == other.inode && main.device == other.device
    }
}
