import Basics
import CSQLite
import FileIO

/// A connection to the image that is merged into, with the others attached to be read.
struct MergeImages {
    let connection: SQLiteConnection
    let ours: String
    let base: String?
    var hasBase: Bool { base != nil }

    /// Opens the images, runs `work`, and leaves no file beside them.
    /// - Throws: ``SQLiteError``, `CancellationError`, what `work` throws.
    static func with<Result>(
        base: String?, ours: String, theirs: String, _ cancellation: Cancellation,
        _ work: (MergeImages) throws -> Result
    ) throws -> Result {
        try cancellation.check()
        // A name that began with `file:` would be a URI.
        let connection = try SQLiteConnection(theirs.hasPrefix("/") ? theirs : "./" + theirs, .attach)
        try connection.distrust()
        // Nobody else uses the file: no shared memory is needed, nor a log that outlives the transaction.
        try connection.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF")
        let isWAL = try connection.rows("PRAGMA main.journal_mode").first?.first?.string == "wal"
        if isWAL { try connection.execute("PRAGMA main.journal_mode = DELETE") }
        let images = MergeImages(connection: connection, ours: ours, base: base)
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

    /// The same for a live database, which others read and write meanwhile: it keeps its log and its locks.
    static func withLive<Result>(
        base: String?, other: String, live: String, _ cancellation: Cancellation,
        _ work: (MergeImages) throws -> Result
    ) throws -> Result {
        try cancellation.check()
        let connection = try SQLiteConnection(live.hasPrefix("/") ? live : "./" + live, .attach)
        try connection.distrust()
        let images = MergeImages(connection: connection, ours: other, base: base)
        do { return try cancellable(connection, cancellation) { try work(images) } } catch {
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
        let theirs = try connection.rows("PRAGMA main.encoding").first?.first?.string
        for path in [ours, base].compactMap({ $0 }) {
            let other = try SQLiteConnection(Self.uri(path), .attach)
            let encoding = try other.rows("PRAGMA encoding").first?.first?.string
            if encoding != theirs {
                return "the text encodings differ (\(encoding ?? "unknown") and \(theirs ?? "unknown"))"
            }
        }
        return nil
    }

    func attach() throws {
        for (path, name) in [(ours, "ours"), (base, "base")] {
            guard let path else { continue }
            let statement = try connection.prepare("ATTACH ?1 AS \(name)")
            try statement.run([.text(Self.uri(path))])
        }
    }

    /// The URI of a file that does not change: it is read without locks, log or journal, and never written.
    static func uri(_ path: String) -> String {
        (path.hasPrefix("/") ? "file://" : "file:./") + PercentEncoding.encode(path.utf8, keepingSlashes: true)
            + "?immutable=1"
    }
}
