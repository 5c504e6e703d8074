import Basics
import CSQLite
import FileIO

/// A connection to the database that is merged into, with private copies of the others attached.
///
/// The copies are changed too: what the sides number on their own is numbered alike in all of them before they are compared.
struct MergeImages {
    let connection: SQLiteConnection
    /// The path of the side whose rows are brought into the database.
    let other: String
    let base: String?

    /// Opens the images, runs `work`, and leaves no file beside them.
    /// - Parameter isLive: others read and write the database meanwhile: it keeps its log and its locks.
    /// - Throws: ``SQLiteError``, `CancellationError`, what `work` throws.
    static func with<Result>(
        base: String?, other: String, into target: String, isLive: Bool, _ cancellation: Cancellation,
        _ work: (MergeImages) throws -> Result
    ) throws -> Result {
        try cancellation.check()
        // A name that began with `file:` would be a URI.
        let connection = try SQLiteConnection(target.hasPrefix("/") ? target : "./" + target, .attach)
        try connection.distrust()
        connection.acceptForeignCollations()
        // A row that breaks a rule of its table does so on its own side already.
        try connection.execute("PRAGMA ignore_check_constraints = ON")
        var isWAL = false
        if !isLive {
            // Nobody else uses the file: no shared memory is needed, nor a log that outlives the transaction.
            try connection.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF")
            isWAL = try connection.rows("PRAGMA main.journal_mode").first?.first?.string == "wal"
            if isWAL { try connection.execute("PRAGMA main.journal_mode = DELETE") }
        }
        let images = MergeImages(connection: connection, other: other, base: base)
        do {
            let result = try cancellable(connection, cancellation) { try work(images) }
            if isWAL { try connection.execute("PRAGMA main.journal_mode = WAL") }
            return result
        } catch {
            if isWAL { try? connection.execute("PRAGMA main.journal_mode = WAL") }
            try cancellation.check()
            throw error
        }
    }

    /// Runs work whose statements a cancellation ends.
    private static func cancellable<Result>(
        _ connection: SQLiteConnection, _ cancellation: Cancellation, _ work: () throws -> Result
    ) throws -> Result {
        try withExtendedLifetime(cancellation) {
            sqlite3_progress_handler(
                connection.handle, 20_000,
                { context in
                    guard let context else { return 0 }
                    let cancellation = Unmanaged<Cancellation>.fromOpaque(context).takeUnretainedValue()
                    do { try cancellation.check() } catch { return 1 }
                    return 0
                }, Unmanaged.passUnretained(cancellation).toOpaque())
            defer { sqlite3_progress_handler(connection.handle, 0, nil, nil) }
            return try work()
        }
    }

    /// Attached databases must have one text encoding.
    func encodingDifference() throws -> String? {
        let target = try connection.rows("PRAGMA main.encoding").first?.first?.string
        let there = try SQLiteConnection(Self.uri(other), .attach)
        let encoding = try there.rows("PRAGMA encoding").first?.first?.string
        return encoding == target ? nil : "the text encodings differ"
    }

    func attach() throws {
        for (path, name) in [(other, "other"), (base, "base")] {
            guard let path else { continue }
            let statement = try connection.prepare("ATTACH ?1 AS \(name)")
            try statement.run([.text(Self.uri(path, isImmutable: false))])
            try connection.execute("PRAGMA \(name).synchronous = OFF")
        }
    }

    /// The URI of a file.
    /// - Parameter isImmutable: it does not change: it is read without locks, log or journal, and never written.
    static func uri(_ path: String, isImmutable: Bool = true) -> String {
        (path.hasPrefix("/") ? "file://" : "file:./") + PercentEncoding.encode(path.utf8, keepingSlashes: true)
            + (isImmutable ? "?immutable=1" : "")
    }
}
