import FileIO
import NIOCore

/// An SQLite database beside a storage directory, with what the system says of it now.
public struct DatabaseFile: Sendable, Equatable {
    /// What messages and the store call it: the last component of its path.
    public let name: [UInt8]
    public let path: String
    /// Of the main file; `nil` if only a log is there.
    public let main: FileStatus?
    /// Of the write-ahead log, unless that is empty.
    public let log: FileStatus?

    /// Reads what the system says of a database and its log.
    /// - Returns: `nil` if neither is there.
    /// - Throws: ``FileError``.
    static func at(_ path: String) throws(FileError) -> DatabaseFile? {
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let name = names.last, !name.isEmpty else { return nil }
        func status(_ path: String) throws(FileError) -> FileStatus? {
            do { return try FileStatus.at(path) } catch {
                if error.isMissing { return nil }
                throw error
            }
        }
        let main = try status(path)
        let log = try status(path + "-wal").flatMap { $0.size > 0 ? $0 : nil }
        guard main != nil || log != nil else { return nil }
        return DatabaseFile(name: Array(name), path: path, main: main, log: log)
    }

    /// Nanoseconds since 1970 of the last change of content.
    public var modified: Int64 { max(main?.modified ?? 0, log?.modified ?? 0) }
    /// Nanoseconds since 1970 of the last change of content, name or rights. Of the log, only its content counts: SQLite
    /// itself sets the owner of a log anew when it opens it.
    public var changed: Int64 { max(main?.changed ?? 0, log?.modified ?? 0) }
    /// In bytes, log included.
    public var size: Int64 { (main?.size ?? 0) + (log?.size ?? 0) }

    /// Sums up all that changes when somebody writes to the database: two of the same value are the same state, but for
    /// writes within one tick of the clock.
    public var fingerprint: UInt64 { Self.sum(main, log, UInt64(bitPattern: main?.changed ?? 0)) }

    /// The same without what a rename changes: what ``DatabaseInstall/fingerprint()`` says of a file before it takes its
    /// place, for as long as nobody writes to it. `nil` if there is a log, which no restore leaves.
    public var restoredFingerprint: UInt64? { log == nil ? main.map(Self.restoredFingerprint) : nil }

    static func restoredFingerprint(_ status: FileStatus) -> UInt64 { sum(status, nil, 0) }

    private static func sum(_ main: FileStatus?, _ log: FileStatus?, _ last: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        func mix(_ field: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                hash = (hash ^ (field >> shift & 0xFF)) &* 0x100_0000_01B3
            }
        }
        for status in [main, log] {
            mix(UInt64(bitPattern: status?.size ?? 0))
            mix(UInt64(bitPattern: status?.modified ?? 0))
            mix(status?.inode ?? 0)
        }
        mix(last)
        return hash
    }
}

/// Finds the databases of an agent.
public enum DatabaseScan {
    /// What was found.
    public struct Found: Sendable, Equatable {
        /// In the byte order of their names.
        public var databases: [DatabaseFile] = []
        /// What is called like a database and cannot be taken for one, with the reason.
        public var problems: [Problem] = []
    }

    public struct Problem: Sendable, Equatable {
        public let path: String
        public let reason: String
    }

    /// Looks for `opencode*.db` beside a storage directory, and for the database that `OPENCODE_DB` names. A database is
    /// told by its header; one whose main file is empty, by its log. Blocks.
    /// - Parameters:
    ///   - storage: the storage directory; databases lie in the directory that holds it.
    ///   - named: the value of `OPENCODE_DB`, if it is set: a path, or a name relative to that directory.
    /// - Throws: ``FileError`` if the directory cannot be read.
    public static func find(beside storage: String, named: String? = nil) throws(FileError) -> Found {
        let directory = dataDirectory(of: storage)
        var paths: Set<String> = []
        do throws(FileError) {
            let folder = try File.open(directory, [.read, .directory])
            for entry in try folder.entries() where entry.kind == .regular && isDatabaseName(entry.name) {
                if let name = String(validating: entry.name, as: UTF8.self) { paths.insert("\(directory)/\(name)") }
            }
        } catch {
            if !error.isMissing { throw error }
        }
        if let path = path(ofNamed: named, in: directory) { paths.insert(path) }
        var found = Found()
        for path in paths.sorted() {
            // An empty file without a log is no database yet: SQLite makes one when it is first written to.
            guard let database = try DatabaseFile.at(path), database.size > 0 else { continue }
            if let reason = problem(of: database) {
                found.problems.append(Problem(path: path, reason: reason))
            } else {
                found.databases.append(database)
            }
        }
        return found
    }

    /// The directory that holds a storage directory.
    public static func dataDirectory(of storage: String) -> String {
        let bare = storage.utf8.reversed().drop { $0 == UInt8(ascii: "/") }
        let parent = bare.drop { $0 != UInt8(ascii: "/") }.drop { $0 == UInt8(ascii: "/") }
        if !bare.contains(UInt8(ascii: "/")) { return "." }
        return parent.isEmpty ? "/" : String(decoding: parent.reversed(), as: UTF8.self)
    }

    /// Where a database of this name is, or would be, on this machine.
    public static func path(of name: [UInt8], beside storage: String, named: String?) -> String {
        let directory = dataDirectory(of: storage)
        if let path = path(ofNamed: named, in: directory), path.utf8.reversed().starts(with: name.reversed()),
            path.utf8.count == name.count || path.utf8.dropLast(name.count).last == UInt8(ascii: "/")
        {
            return path
        }
        return "\(directory)/\(String(decoding: name, as: UTF8.self))"
    }

    /// OpenCode's rule: `:memory:` is none, an absolute path is itself, all else is relative to the data directory.
    private static func path(ofNamed named: String?, in directory: String) -> String? {
        guard let named, !named.isEmpty, named != ":memory:" else { return nil }
        return named.utf8.first == UInt8(ascii: "/") ? named : "\(directory)/\(named)"
    }

    /// `opencode*.db`.
    public static func isDatabaseName(_ name: [UInt8]) -> Bool {
        name.count > 10 && name.starts(with: "opencode".utf8) && name.suffix(3).elementsEqual(".db".utf8)
    }

    /// Whether content is that of an SQLite database, by its header.
    public static func isDatabase(startingWith bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: "SQLite format 3\0".utf8)
    }

    private static func problem(of database: DatabaseFile) -> String? {
        guard let main = database.main else { return "only its log is there" }
        if main.kind != .regular { return "it is no file" }
        // An agent that was killed early has everything in the log.
        if main.size == 0 { return nil }
        do throws(FileError) {
            let file = try File.open(database.path, [.read, .noFollow])
            var header = ByteBuffer()
            _ = try file.read(into: &header, count: 16, at: 0)
            return isDatabase(startingWith: header.readableBytesView) ? nil : "it is no SQLite database"
        } catch { return "\(error)" }
    }
}
