import CSQLite
import FileIO
import Glibc
import NIOCore

/// Opens a live database for reading without changing it.
enum DatabaseSource {
    /// - Throws: ``SQLiteError``, ``FileError``.
    static func open(_ database: DatabaseFile) throws -> SQLiteConnection {
        // SQLite takes the log of an empty main file for a leftover and deletes it, with all that is in it.
        guard (database.main?.size ?? 0) > 0 else { return try openCopy(database) }
        do throws(SQLiteError) {
            let connection = try SQLiteConnection(database.path, .read)
            _ = try connection.rows("SELECT count(*) FROM sqlite_schema")
            return connection
        } catch {
            // A database with a log needs its shared memory beside it, and a transaction that was cut off is rolled back in
            // the database itself: neither may be for this user to do.
            guard [SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM].contains(error.primaryCode) else { throw error }
            return try openCopy(database)
        }
    }

    private static let attempts = 5

    /// Opens a copy of the main file with its log and its journal, made while none of them changes; it has no name once it is
    /// open. Without the journal, half of a transaction would pass for the state of the database.
    static func openCopy(_ database: DatabaseFile) throws -> SQLiteConnection {
        let name = String(decoding: FileIO.temporaryName("holdfast-"), as: UTF8.self)
        let directory = "\(TemporaryFiles.directory)/\(name)"
        try makeDirectories(directory, permissions: 0o700)
        defer {
            for suffix in ["", "-wal", "-shm", "-journal"] { unlink("\(directory)/copy\(suffix)") }
            rmdir(directory)
        }
        for _ in 0..<attempts {
            guard let before = try DatabaseFile.at(database.path), before.main != nil else { continue }
            for suffix in ["", "-wal", "-journal"] { unlink("\(directory)/copy\(suffix)") }
            if before.journal != nil { try copy(database.path + "-journal", to: "\(directory)/copy-journal") }
            try copy(database.path, to: "\(directory)/copy")
            if before.log != nil { try copy(database.path + "-wal", to: "\(directory)/copy-wal") }
            guard try DatabaseFile.at(database.path) == before else { continue }
            if before.main?.size == 0 { try addFirstPage(directory) }
            let connection = try SQLiteConnection("\(directory)/copy", .read)
            _ = try connection.rows("SELECT count(*) FROM sqlite_schema")
            return connection
        }
        throw SQLiteError(SQLITE_BUSY, "it changes all the time while it is copied", path: database.path)
    }

    private static func copy(_ path: String, to target: String) throws(FileError) {
        let source = try File.open(path, [.read, .noFollow])
        let copy = try File.open(target, [.readWrite, .createNew, .noFollow], permissions: 0o600)
        var offset: Int64 = 0
        var piece = ByteBuffer()
        while true {
            piece.clear()
            let count = try source.read(into: &piece, count: 1 << 20, at: offset)
            guard count > 0 else { return }
            try copy.write(piece, at: offset)
            offset += Int64(count)
        }
    }

    /// Gives an empty main file the first page that its log has, so that SQLite reads the log. The layout of a log:
    /// https://sqlite.org/fileformat2.html#the_write_ahead_log
    private static func addFirstPage(_ directory: String) throws(FileError) {
        let log = try File.open("\(directory)/copy-wal", [.read, .noFollow])
        var header = ByteBuffer()
        guard try log.read(into: &header, count: 32, at: 0) == 32, let size = header.getInteger(at: 8, as: UInt32.self),
            size >= 512, size <= 65536
        else { return }
        let end = try log.status().size
        var offset: Int64 = 32
        while offset + 24 + Int64(size) <= end {
            var frame = ByteBuffer()
            guard try log.read(into: &frame, count: 4, at: offset) == 4 else { return }
            if frame.getInteger(at: 0, as: UInt32.self) == 1 {
                var page = ByteBuffer()
                _ = try log.read(into: &page, count: Int(size), at: offset + 24)
                try File.open("\(directory)/copy", [.readWrite, .noFollow]).write(page, at: 0)
                return
            }
            offset += 24 + Int64(size)
        }
    }
}

extension DatabaseFile {
    /// Opens the database for reading, without changing it. Nothing that it brings along is run.
    /// - Throws: ``SQLiteError``, ``FileError``.
    package func readOnlyConnection() throws -> SQLiteConnection {
        let connection = try DatabaseSource.open(self)
        try connection.distrust()
        return connection
    }
}
