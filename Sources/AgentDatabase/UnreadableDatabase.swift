import Basics
import CSQLite
import FileIO
import NIOCore

/// Why a database on this machine cannot be read, and what may be done about it.
///
/// Only a *malformed* database is damaged: it may be kept beside and replaced by the store's version. All others may be
/// whole, and stay where they are.
public struct UnreadableDatabase: Error, Sendable, Equatable {
    public enum Kind: Sendable, CaseIterable {
        /// It was a database, and its content is no longer what the format says.
        case malformed
        /// It is encrypted, or a file of another kind.
        case notADatabase
        /// The system does not permit it.
        case denied
        /// Another program keeps others out.
        case locked
        /// A link that is not followed.
        case link
        /// Anything else, such as a disk that does not answer.
        case unreadable
    }

    public let kind: Kind
    /// The agent's file, never a copy of it.
    public let path: String
    /// A fragment such as `it is encrypted`.
    public let reason: String

    init(_ kind: Kind, path: String, _ reason: String) { (self.kind, self.path, self.reason) = (kind, path, reason) }
}

extension UnreadableDatabase: FailureConvertible, CustomStringConvertible {
    public var description: String { "the database '\(printable(path.utf8))' \(words)" }

    /// The kind and the reason, in words that stand after the path.
    public var words: String {
        switch kind {
        case .malformed: "is malformed: \(reason)"
        case .notADatabase: "is not one that SQLite can read: \(reason)"
        case .denied: "may not be read: \(reason)"
        case .locked: "is locked: \(reason)"
        case .link: "is not followed: \(reason)"
        case .unreadable: "cannot be read: \(reason)"
        }
    }

    private var code: FailureCode {
        switch kind {
        case .malformed: .damaged
        case .notADatabase, .unreadable: .database
        case .denied, .link: .localFile
        case .locked: .databaseInUse
        }
    }

    private var hint: String {
        switch kind {
        case .malformed: "holdfast pull brings the store's version back and keeps this one beside it."
        case .notADatabase: "Leave it out with --exclude if the agent encrypts it; it stays where it is."
        case .denied: "Check the owner and the permissions of the database and of its directory."
        case .locked: "Run the command again when the agent is idle, or stop the agent."
        case .link: "Name the file itself with OPENCODE_DB, or keep it in a directory that only you may write to."
        case .unreadable: "Check the disk; the database stays where it is."
        }
    }

    public var failure: Failure { Failure(code: code, message: description, hint: hint) }
}

extension UnreadableDatabase {
    /// Looks at the kind of file and at its header.
    /// - Returns: `nil` if it looks like a database.
    static func atFirstSight(_ database: DatabaseFile) -> UnreadableDatabase? {
        guard let main = database.main else {
            return UnreadableDatabase(.unreadable, path: database.path, "only its log is there")
        }
        guard main.kind == .regular else {
            return UnreadableDatabase(.notADatabase, path: database.path, "it is no file")
        }
        // An agent that was killed early has everything in the log.
        if main.size == 0 { return nil }
        do throws(FileError) {
            let file = try File.open(database.path, [.read, .noFollow])
            return try DatabaseTraces(of: file).verdict(hasHeader: false).map { kind, reason in
                UnreadableDatabase(kind, path: database.path, reason)
            }
        } catch { return UnreadableDatabase(error, database) }
    }

    /// An error of the system about the database itself.
    private init(_ error: FileError, _ database: DatabaseFile) {
        self.init(error.isAccessDenied ? .denied : .unreadable, path: database.path, error.reason)
    }

    /// Says of an error what it means for a database that was being read. Errors about copies of it name the true file; others
    /// are returned as they are.
    static func explain(_ error: any Error, of database: DatabaseFile) -> any Error {
        switch error {
        case let error as SQLiteError:
            if error.path != database.path, error.isAboutRoom { return TemporaryFileError(error.message) }
            return explain(error, of: database)
        case let error as MalformedDatabase:
            return UnreadableDatabase(.malformed, path: database.path, error.reason)
        case let error as DatabaseDamage:
            return UnreadableDatabase(.malformed, path: database.path, error.reason)
        case let error as FileError:
            let isTheDatabase = ["", "-wal", "-journal", "-shm"].contains {
                error.path == printable((database.path + $0).utf8)
            }
            return isTheDatabase ? UnreadableDatabase(error, database) : TemporaryFileError(error.reason)
        default: return error
        }
    }

    private static func explain(_ error: SQLiteError, of database: DatabaseFile) -> any Error {
        func reason(_ kind: Kind) -> UnreadableDatabase { UnreadableDatabase(kind, path: database.path, error.message) }
        switch error.primaryCode {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
            let holder = DatabaseHolders.first(of: database) ?? DatabaseHolders.ofLock(on: database.path)
            return UnreadableDatabase(
                .locked, path: database.path, "\(holder ?? "another program") keeps others out of it")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            // An encrypted database may have a header that can be read.
            guard let file = try? File.open(database.path, [.read, .noFollow]),
                let (kind, text) = try? DatabaseTraces(of: file).verdict(hasHeader: true)
            else { return reason(.malformed) }
            return UnreadableDatabase(kind, path: database.path, "\(error.message); \(text)")
        case SQLITE_PERM, SQLITE_AUTH, SQLITE_READONLY: return reason(.denied)
        case SQLITE_CANTOPEN:
            let isReadable = (try? File.open(database.path, [.read, .noFollow])) != nil
            return reason(isReadable ? .unreadable : .denied)
        default: return reason(.unreadable)
        }
    }
}

extension DatabaseFile {
    /// Says of an error what it means for this database.
    public func explain(_ error: any Error) -> any Error { UnreadableDatabase.explain(error, of: self) }
}

extension SQLiteError {
    /// The file system has no room, or the file cannot be made.
    fileprivate var isAboutRoom: Bool { [SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN].contains(primaryCode) }
}
