import CSQLite
import FileIO
import Glibc

/// A private copy of a stored database, to see what is in it.
public final class DatabaseTables: Sendable {
    public struct Table: Sendable, Equatable {
        public let name: String
        /// Rows of it, at most ``mostRows``.
        public let rows: Int
    }

    /// Where counting ends.
    public static let mostRows = 1_000_000
    /// The most tables that are looked at.
    public static let mostTables = 500

    private let directory: String
    private var path: String { "\(directory)/copy" }
    /// What the database is to be written to. It is gone with the last reference.
    public let file: File

    /// - Throws: ``FileError``.
    public init() throws(FileError) {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let name = String(decoding: FileIO.temporaryName("holdfast-"), as: UTF8.self)
        directory = "\(folder.isEmpty ? "/tmp" : folder)/\(name)"
        try makeDirectories(directory, permissions: 0o700)
        file = try File.open("\(directory)/copy", [.readWrite, .createNew, .noFollow], permissions: 0o600)
    }

    deinit {
        unlink(path)
        rmdir(directory)
    }

    /// Opens the copy for reading. Nothing that the database brings along is run.
    /// - Throws: ``SQLiteError``, ``FileError``.
    package func connection() throws -> SQLiteConnection {
        try file.markAsRollbackJournal()
        let connection = try SQLiteConnection(MergeImages.uri(path), .attach)
        try connection.distrust()
        return connection
    }

    /// The ordinary tables by name, each with the number of its rows. Nothing that the database brings along is run. Blocks.
    /// - Throws: ``SQLiteError``, ``FileError``, `CancellationError`.
    public func tables(_ cancellation: Cancellation) throws -> [Table] {
        let connection = try self.connection()
        return try connection.tables().filter(\.isOrdinary).prefix(Self.mostTables).map { table in
            try cancellation.check()
            let some = "SELECT 1 FROM main.\(SQLText.name(table.name)) LIMIT \(Self.mostRows)"
            let count = try connection.rows("SELECT count(*) FROM (\(some))").first?.first?.integer ?? 0
            return Table(name: table.name, rows: Int(count))
        }
    }
}
