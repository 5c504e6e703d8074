import Basics
import CSQLite
import FileIO
import NIOConcurrencyHelpers

/// Puts an image in the place of a database: staged beside it, checked, and swapped in one rename.
///
/// A main file with another database's log beside it passes every check and is a lie: rows and whole tables revert. So the
/// present database is first made whole without a log (which also shows whether anybody has it open), the log is removed,
/// and only then the image takes its name. A process that dies in between leaves the former database, complete.
/// Every method blocks.
public final class DatabaseInstall: Sendable {
    /// Another program has the database open.
    public struct InUse: Error, Sendable, Equatable, CustomStringConvertible {
        public let path: String
        /// The program, as far as the system tells.
        public var holder: String?

        init(path: String, holder: String? = nil) { (self.path, self.holder) = (path, holder) }

        public var description: String {
            "\(holder ?? "another program") has the database '\(printable(path.utf8))' open"
        }
    }

    /// Where the database is to be.
    public let path: String
    /// The image on its way: empty at first.
    public let file: File
    private let directory: File
    private let stagedName: [UInt8]
    private let name: [UInt8]
    private let state = NIOLockedValueBox<(present: SQLiteConnection?, isDone: Bool)>((nil, false))

    /// Makes an empty file beside the place of a database, and removes what killed processes have left there.
    /// - Throws: ``FileError``.
    public init(path: String) throws(FileError) {
        self.path = path
        let folder = DatabaseScan.dataDirectory(of: path)
        try makeDirectories(folder, permissions: StagingName.directoryPermissions)
        directory = try File.open(folder, [.read, .directory])
        name = Array(path.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }.reversed())
        for entry in try directory.entries() where StagingName.matches(entry.name) && entry.kind == .regular {
            if let left = try? File.open(entry.name, in: directory, [.readWrite, .noFollow]),
                (try? left.tryLock()) == true
            {
                try? directory.remove(entry.name)
            }
        }
        stagedName = StagingName.random()
        file = try File.open(
            stagedName, in: directory, [.readWrite, .createNew, .noFollow], permissions: 0o600,
            shownAs: File.ShownPath(Array(path.utf8)))
        _ = try file.tryLock()
    }

    deinit { abandon() }

    /// Removes the image, unless it is in place.
    public func abandon() {
        guard !state.withLockedValue({ $0.isDone }) else { return }
        try? directory.remove(stagedName)
    }

    private var stagedPath: String {
        "\(DatabaseScan.dataDirectory(of: path))/\(String(decoding: stagedName, as: UTF8.self))"
    }

    /// Checks the image and gives it what belongs to this machine: its own credentials, and its own paths.
    /// - Parameters:
    ///   - present: the database that is here now, if there is one.
    ///   - rebase: a checkout that has another path on this machine; if `nil`, it is found out where it is certain.
    ///   - checkout: the checkout here.
    ///   - modified: the time that the file gets, in nanoseconds since 1970, so that a later write shows.
    /// - Returns: how many rows had such a path.
    /// - Throws: ``DatabaseDamage``, ``SQLiteError``, ``FileError``.
    public func prepare(
        keepingSecretsOf present: DatabaseFile?, rebase: (old: String, new: String)?, checkout: String?, modified: Int64
    )
        throws -> Int
    {
        do {
            let rows = try adapt(present, rebase, checkout)
            try file.setModified(to: modified)
            return rows
        } catch let error as SQLiteError where error.path == stagedPath {
            // The name of the image on its way tells nobody anything.
            throw SQLiteError(error.code, error.message, path: path)
        }
    }

    /// Whether the image can take the place of the present database as it is, see ``DatabaseUnion/fits(_:inPlaceOf:)``.
    /// - Throws: ``SQLiteError``, ``FileError``.
    public func fits(inPlaceOf present: DatabaseFile) throws -> Bool {
        try file.markAsRollbackJournal()
        return try DatabaseUnion.fits(stagedPath, inPlaceOf: present)
    }

    private func adapt(
        _ present: DatabaseFile?, _ rebase: (old: String, new: String)?, _ checkout: String?
    ) throws -> Int {
        try file.markAsRollbackJournal()
        let image = try SQLiteConnection(stagedPath, .write)
        try image.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
        try DatabaseImage.check(image)
        if let present, let own = try? SQLiteConnection(present.path, .read),
            (try? own.rows("SELECT count(*) FROM sqlite_schema")) != nil
        {
            do { _ = try DatabaseSecrets.carryOver(from: own, into: image) } catch let error as SQLiteError {
                // The image is as it was. Whoever was logged in on a damaged database has to do so again.
                guard error.path == present.path, error.isCorrupt else { throw error }
            }
        }
        let automatic =
            try checkout.flatMap { checkout in
                DatabaseRebase.automaticRebase(
                    checkouts: try DatabaseRebase.checkouts(in: image), current: checkout,
                    exists: { (try? FileStatus.at($0)) != nil })
            }
        guard let rebase = rebase ?? automatic else { return 0 }
        return try DatabaseRebase.rebase(image, from: rebase.old, to: rebase.new)
    }

    /// Opens the image for reading, once it is prepared. Nothing that the database brings along is run.
    /// - Throws: ``SQLiteError``.
    package func connection() throws -> SQLiteConnection {
        let connection = try SQLiteConnection(stagedPath, .read)
        try connection.distrust()
        return connection
    }

    /// What ``DatabaseFile/restoredFingerprint`` will be once the image is in place.
    /// - Throws: ``FileError``.
    public func fingerprint() throws(FileError) -> UInt64 { DatabaseFile.restoredFingerprint(try file.status()) }

    /// Gives the present database a second name, under which it stays when it is replaced. Only this user may read it there.
    /// - Returns: the path; `nil` if there is no database.
    /// - Throws: ``FileError``.
    public func keepPresent() throws(FileError) -> String? {
        let random = String(UInt32.random(in: .min ... .max), radix: 16)
        let kept = name + Array(".replaced-\(random)".utf8)
        var isPresent = false
        // A log is left only where SQLite could not make the database whole: it holds the newest pages.
        for suffix in ["", "-wal", "-journal"] {
            let (old, new) = (name + Array(suffix.utf8), kept + Array(suffix.utf8))
            guard try keep(old, as: new) else { continue }
            isPresent = true
            // Another user's file keeps its permissions, which are not this user's to change.
            let file = try? File.open(new, in: directory, [.read, .noFollow])
            try? file?.setPermissions(to: 0o600)
        }
        guard isPresent else { return nil }
        return "\(DatabaseScan.dataDirectory(of: path))/\(String(decoding: kept, as: UTF8.self))"
    }

    /// - Returns: whether the file is there.
    private func keep(_ old: [UInt8], as new: [UInt8]) throws(FileError) -> Bool {
        do throws(FileError) { return try directory.linkIfPresent(old, to: new, in: directory) } catch {
            // Many systems let nobody link a file that he may not read; some file systems know no second names.
            guard try directory.statusIfPresent(of: old) != nil else { return false }
            try directory.rename(old, to: new, in: directory)
            return true
        }
    }

    /// How the present database is to be treated.
    public enum Present: Sendable {
        /// It is made whole first, so that all of it is in its main file.
        case readable
        /// It cannot be read. Nothing is asked of SQLite, which could change what it does not understand.
        case unreadable
    }

    /// Makes the present database whole without a log, and keeps others out of it until the end.
    /// - Throws: ``InUse``, ``FileError``, ``SQLiteError``; nothing has changed then.
    public func lock(_ kind: Present = .readable) throws {
        try file.sync()
        guard let database = try DatabaseFile.at(path) else { return }
        // Whoever has it open would go on with a file that has no name.
        if let holder = DatabaseHolders.first(of: database) { throw InUse(path: path, holder: holder) }
        guard kind == .readable else {
            if let holder = DatabaseHolders.ofLock(on: path) { throw InUse(path: path, holder: holder) }
            return
        }
        let present = try lockPresent()
        state.withLockedValue { $0.present = present }
    }

    /// Puts the image in place.
    /// - Returns: what the system says of the database now.
    /// - Throws: ``FileError``; the database is then as it was.
    public func commit() throws -> DatabaseFile? {
        for suffix in ["-wal", "-shm", "-journal"] {
            do throws(FileError) { try directory.remove(name + Array(suffix.utf8)) } catch {
                if !error.isNotFound { throw error }
            }
        }
        try directory.rename(stagedName, to: name, in: directory)
        state.withLockedValue { $0 = (nil, true) }
        try directory.syncFileSystem()
        return try DatabaseFile.at(path)
    }

    /// - Returns: the connection that holds the lock; `nil` if there is no database that SQLite can read.
    private func lockPresent() throws -> SQLiteConnection? {
        guard try directory.statusIfPresent(of: name) != nil else { return nil }
        do {
            let present = try SQLiteConnection(path, .write)
            sqlite3_busy_timeout(present.handle, 500)
            // Leaving the log mode brings the log into the database, and works only for whoever is alone with it.
            let mode = try present.rows("PRAGMA journal_mode = DELETE").first?.first?.string
            guard mode == "delete" else { throw InUse(path: path, holder: DatabaseHolders.ofLock(on: path)) }
            try present.execute("BEGIN EXCLUSIVE")
            return present
        } catch let error as SQLiteError {
            switch error.primaryCode {
            case SQLITE_NOTADB, SQLITE_CORRUPT: return nil
            case SQLITE_BUSY, SQLITE_LOCKED: throw InUse(path: path, holder: DatabaseHolders.ofLock(on: path))
            default: throw error
            }
        }
    }
}

extension DatabaseInstall.InUse: FailureConvertible {
    public var failure: Failure {
        Failure(
            code: .databaseInUse, message: description, hint: "Stop the agent and run the command again.")
    }
}
