import Basics
import CSQLite
import FileIO
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// A consistent copy of a database in one file without a name: it is gone when it is closed, or when the process dies.
///
/// Copying the database, its log and its index as three files would tear it, or revert it in silence. The Online Backup
/// API reads one state of it instead, while others go on writing.
public final class DatabaseImage: Sendable {
    public let file: File
    /// In bytes.
    public let size: Int64
    /// In bytes, a power of two from 512 to 65,536.
    public let pageSize: Int

    /// A connection to the image, if it is still to be checked.
    private let unchecked: SQLiteConnection?
    /// A connection to an image that was captured.
    package var connection: SQLiteConnection? { unchecked }

    init(_ file: File, pageSize: Int, unchecked: SQLiteConnection? = nil) throws(FileError) {
        self.file = file
        self.unchecked = unchecked
        self.pageSize = pageSize
        size = try file.status().size
    }

    /// To take back what a large image has filled takes the system tens of milliseconds, for which nobody waits.
    deinit { FileIO.inBackground { [file, unchecked] in _ = (file, unchecked) } }

    /// SQLITE_IOERR_WRITE, which is a macro that Swift does not see.
    private static let ioErrorOfWrite = SQLITE_IOERR | 3 << 8

    /// How the copying is divided, so that it can be cancelled.
    private static let pagesAtOnce: Int32 = 4096

    /// Copies a database as it is now. Whoever uses the copy has to call ``check()``, which may go on beside reading it.
    /// Blocks for as long as the disk takes; writers are not held up where the database has a write-ahead log.
    /// - Parameters:
    ///   - database: the database; it is not changed, its log is not written back.
    ///   - keepingSecrets: leave credentials in the copy.
    /// - Throws: ``UnreadableDatabase``, ``TemporaryFileError``, ``SecretsRemain``, `CancellationError`.
    public static func capture(
        _ database: DatabaseFile, keepingSecrets: Bool = false, cancellation: Cancellation = Cancellation()
    ) throws -> DatabaseImage {
        do {
            return try make(database, keepingSecrets: keepingSecrets, cancellation)
        } catch { throw UnreadableDatabase.explain(error, of: database) }
    }

    private static func make(
        _ database: DatabaseFile, keepingSecrets: Bool, _ cancellation: Cancellation
    ) throws -> DatabaseImage {
        let (file, image) = try emptyImage()
        try copy(database, to: image, cancellation)
        // The copy says that it has a log, which it shall not get.
        try file.markAsRollbackJournal()
        try image.execute("PRAGMA journal_mode = MEMORY")
        if !keepingSecrets {
            let kept = try DatabaseSecrets.remove(from: image).leftAlone
            guard kept.isEmpty else { throw SecretsRemain(tables: kept) }
        }
        try DatabasePages.zeroUnused(in: file, roots: DatabasePages.roots(of: image), cancellation: cancellation)
        try file.resetChangeCounter()
        // What is checked is what is in the file, not what is still in memory.
        try image.execute("PRAGMA shrink_memory")
        let pageSize = try image.rows("PRAGMA page_size").first?.first?.integer ?? 4096
        return try DatabaseImage(file, pageSize: Int(pageSize), unchecked: image)
    }

    /// Proves that the image is whole. Blocks for as long as reading all of it takes.
    /// - Returns: what is wrong with rows by rules of the schema, as a person may want to know; the image is whole all the same.
    /// - Throws: ``DatabaseDamage``, ``SQLiteError``.
    @discardableResult
    public func check() throws -> [String] {
        guard let unchecked else { return [] }
        // Nobody else can shorten this file, so its pages need not be copied to be looked at. Not more than this, since
        // what is mapped counts as this process's memory.
        try unchecked.execute("PRAGMA mmap_size = \(96 << 20)")
        return try Self.check(unchecked)
    }

    /// A file that only this process can find, and a connection to it.
    private static func emptyImage() throws -> (file: File, connection: SQLiteConnection) {
        let random = String(decoding: FileIO.temporaryName("holdfast-"), as: UTF8.self)
        let name = "\(TemporaryFiles.directory)/\(random)"
        let file = try File.open(name, [.readWrite, .createNew, .noFollow], permissions: 0o600)
        defer { unlink(name) }
        let connection = try SQLiteConnection(name, .write)
        // Without a name there can be no journal beside it, and a copy that failed is thrown away.
        try connection.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY")
        return (file, connection)
    }

    private static func copy(
        _ database: DatabaseFile, to image: SQLiteConnection, _ cancellation: Cancellation
    ) throws {
        let source = try DatabaseSource.open(database)
        // One state for the whole copy, however long it takes.
        try source.transaction("DEFERRED") {
            _ = try source.rows("SELECT count(*) FROM sqlite_schema")
            guard let backup = sqlite3_backup_init(image.handle, "main", source.handle, "main") else {
                throw image.error(sqlite3_errcode(image.handle))
            }
            var code = SQLITE_OK
            repeat {
                code = sqlite3_backup_step(backup, pagesAtOnce)
                do { try cancellation.check() } catch {
                    sqlite3_backup_finish(backup)
                    throw error
                }
            } while code == SQLITE_OK
            let end = sqlite3_backup_finish(backup)
            guard code == SQLITE_DONE, end == SQLITE_OK else {
                let code = code == SQLITE_DONE ? end : code
                // Of both files, only the copy is written to.
                let isCopy = [SQLITE_FULL, SQLITE_CANTOPEN].contains(code & 0xFF) || code == ioErrorOfWrite
                throw SQLiteError(code, nil, path: isCopy ? image.path : database.path)
            }
        }
    }

    /// Writes the image to an empty file. Blocks.
    /// - Throws: ``FileError``.
    public func copy(to target: File) throws(FileError) {
        var offset: Int64 = 0
        var piece = ByteBuffer()
        while offset < size {
            piece.clear()
            let count = try file.read(into: &piece, count: 1 << 20, at: offset)
            guard count > 0 else { throw FileError("read", path: file.path, code: EIO) }
            try target.write(piece, at: offset)
            offset += Int64(count)
        }
    }

    /// - Throws: ``DatabaseDamage``.
    /// - Returns: what an agent's own rules find wrong with rows, which it can read all the same.
    @discardableResult
    static func check(_ image: SQLiteConnection) throws -> [String] { try DatabaseCheck.run(image) }
}

extension DatabaseFile {
    /// Looks whether SQLite finds the database whole, without changing it. Blocks for as long as reading all of it takes.
    /// - Returns: why it cannot be read; `nil` if it can.
    public func trouble() -> UnreadableDatabase? {
        do {
            try DatabaseImage.check(try DatabaseSource.open(self))
            return nil
        } catch {
            let error = explain(error)
            return error as? UnreadableDatabase ?? UnreadableDatabase(.unreadable, path: path, "\(error)")
        }
    }
}

/// Credentials that cannot be taken out of an image, which therefore is not stored.
public struct SecretsRemain: Error, Sendable, Equatable, CustomStringConvertible {
    /// Tables that are called like those of credentials and are no ordinary tables.
    public let tables: [String]
    public var description: String { "\(problem); --keep-database-secrets stores the database all the same" }

    private var problem: String {
        "credentials may be in \(tables.map { "'\($0)'" }.joined(separator: ", ")), which are no ordinary tables"
    }
}

extension SecretsRemain: FailureConvertible {
    public var failure: Failure {
        Failure(
            code: .database, message: problem,
            hint: "--keep-database-secrets stores the database all the same.")
    }
}

/// A database that SQLite finds damaged.
public struct DatabaseDamage: Error, Sendable, Equatable, CustomStringConvertible {
    public let reason: String
    public var description: String { "the database is damaged: \(reason)" }
}

extension DatabaseDamage: FailureConvertible {
    public var failure: Failure { Failure(code: .damaged, message: description) }
}

extension File {
    /// Makes a database file say that it has no write-ahead log, so that SQLite does not look for one. The change counter
    /// moves on, so that a connection reads its pages again.
    func markAsRollbackJournal() throws(FileError) {
        var header = ByteBuffer()
        guard try read(into: &header, count: 100, at: 0) == 100 else { return }
        guard header.getInteger(at: 18, as: UInt16.self) != 0x0101 else { return }
        header.setInteger(0x0101, at: 18, as: UInt16.self)
        try write(header, at: 0)
        try setChangeCounter((header.getInteger(at: 24, as: UInt32.self) ?? 0) &+ 1)
    }

    /// Makes a finished image the same bytes however often its database was copied to and fro. The counter only tells an
    /// open connection that another one has written, and an image takes the place of a file that nobody has open.
    func resetChangeCounter() throws(FileError) { try setChangeCounter(1) }

    private func setChangeCounter(_ counter: UInt32) throws(FileError) {
        // The second is the counter at which the header's size of the database was right.
        for offset in [Int64(24), 92] { try write(ByteBuffer(integer: counter), at: offset) }
    }
}
