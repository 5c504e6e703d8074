import CSQLite
import FileIO

/// Merges two images of one database row by row against the image that both come from.
///
/// The rules, for a table with a primary key, by key:
///
/// - What only one side changed, added or deleted is taken.
/// - Where both changed a row differently, or added different rows, the one with the larger `time_updated` stays; if
///   the table has none, or they are equal, the one of the newer image.
/// - A row deleted on one side and changed on the other stays. So does a row that the other side's rows refer to with
///   a foreign key: the deletion is undone, for the row, what it refers to in turn, and all that went with it through
///   `ON DELETE CASCADE`. A conversation continued on one machine and deleted on another is whole afterwards.
/// - Rows that both sides added under one running number (a UNIQUE index over a group and a column `seq` or `…_seq`,
///   as of `event` and `session_message`) all stay: those of the newer image are numbered after the other's, in order.
///   `event_sequence.seq` becomes the largest number. So do rows of a table with `AUTOINCREMENT` that nothing refers to.
/// - Of two rows that any other UNIQUE index does not allow side by side, the newer image's stays, with a warning.
///
/// A table without a primary key, or with NULL in its key, is taken whole from the side that changed it; if both did,
/// from the newer image, with a warning. So are the tables of applied migrations, whose sets are equal. Virtual tables
/// stay as in the store, with a warning if ours had changed. Without an image that both come from nothing counts as
/// deleted, and rows that differ as changed on both sides.
///
/// The images are not trusted: no trigger and no view of theirs runs, and no schema is written.
struct DatabaseMerge {
    struct Counts: Sendable, Equatable {
        var inserted = 0
        var updated = 0
        var deleted = 0
    }

    struct Outcome: Sendable {
        /// Rows written in the image, by table; tables without any are left out.
        var tables: [String: Counts] = [:]
        /// Rows that both sides had changed differently.
        var conflicts = 0
        /// What a person should know, in sentences.
        var warnings: [String] = []
        /// Why nothing was merged: in what the schemas differ. Both snapshots are to be kept then.
        var schemaDifferences: [String] = []
        var schemaDiffers: Bool { !schemaDifferences.isEmpty }
    }

    /// Applies to `theirs`, in place, what `ours` has changed since `base`.
    ///
    /// One transaction: if anything is thrown, `theirs` holds what it held. Memory does not grow with the databases.
    /// - Parameters:
    ///   - base: the path of the image that both come from; it is only read, as is `ours`.
    ///   - theirs: the path of the image that becomes the merged one. Most of its pages stay as they are.
    ///   - preferTheirs: whether `theirs` is the newer image.
    /// - Throws: ``SQLiteError``, `CancellationError`.
    static func merge(
        base: String?, ours: String, theirs: String, preferTheirs: Bool, cancellation: Cancellation
    ) throws -> Outcome {
        try MergeImages.with(base: base, ours: ours, theirs: theirs, cancellation) { images in
            var merge = DatabaseMerge(images: images, preferTheirs: preferTheirs, cancellation: cancellation)
            return try merge.run()
        }
    }

    /// Adds to a live database, which its agent may go on writing to, what `other` has new since `base`.
    ///
    /// Nothing is taken away: what the other side deleted stays, and a row that both changed stays as it is here unless
    /// the other's `time_updated` is larger. Tables whose rows have no key, and virtual tables, stay as they are. So two
    /// databases that are added to each other again and again come to rest.
    ///
    /// One transaction. Other writers wait only while rows are written: the comparison, which takes longer, reads one state
    /// of the database, and is done again if somebody has written meanwhile. The last attempt keeps others out from the
    /// start.
    /// - Parameters:
    ///   - base: the path of the other's image at the last time, `nil` at the first.
    ///   - other: the path of the other's image.
    ///   - live: the path of the database.
    /// - Throws: ``SQLiteError``, `CancellationError`; nothing was written then.
    static func add(base: String?, other: String, live: String, cancellation: Cancellation) throws -> Outcome {
        var attempts = 0
        while true {
            attempts += 1
            let isLast = attempts == 4
            do {
                return try MergeImages.withLive(base: base, other: other, live: live, cancellation) { images in
                    var merge = DatabaseMerge(images: images, preferTheirs: true, cancellation: cancellation)
                    merge.onlyAdds = true
                    merge.begin = isLast ? "IMMEDIATE" : "DEFERRED"
                    return try merge.run()
                }
            } catch let error as SQLiteError {
                guard !isLast, error.primaryCode == SQLITE_BUSY else { throw error }
            }
        }
    }

    let images: MergeImages
    let preferTheirs: Bool
    /// The database is live, and nothing is taken from it.
    private(set) var onlyAdds = false
    /// How the transaction begins.
    private var begin = "IMMEDIATE"
    let cancellation: Cancellation
    var outcome = Outcome()
    var tables: [MergeTable] = []
    var foreignKeys: [ForeignKey] = []
    var hasBase: Bool
    /// Whether a row had to give way to a UNIQUE index, so that others may refer to one that is not there.
    var hasDropped = false

    /// The tables that are merged row by row.
    var decided: Set<Int> = []
    /// By table, the rows whose deletion was undone.
    var restored: [String: Int] = [:]
    /// The tables whose new rows were looked through for numbers that both sides gave.
    var numbered: Set<Int> = []

    var connection: SQLiteConnection { images.connection }

    private init(images: MergeImages, preferTheirs: Bool, cancellation: Cancellation) {
        (self.images, self.preferTheirs, self.cancellation) = (images, preferTheirs, cancellation)
        hasBase = images.hasBase
    }

    private mutating func run() throws -> Outcome {
        if let encodings = try images.encodingDifference() {
            outcome.schemaDifferences = [encodings]
            return outcome
        }
        try images.attach()
        let theirs = try DatabaseSchema.read("main", in: connection)
        outcome.schemaDifferences = try DatabaseSchema.read("ours", in: connection).differences(from: theirs)
        guard !outcome.schemaDiffers else { return outcome }
        if hasBase, try !DatabaseSchema.read("base", in: connection).hasColumns(of: theirs) {
            hasBase = false
            outcome.warnings.append(
                "The database's schema changed since both sides parted: rows that one side deleted may be back.")
        }
        tables = theirs.tables
        foreignKeys = try ForeignKey.read(tables, in: connection)
        try connection.transaction(begin) { try mergeTables() }
        return outcome
    }

    private mutating func mergeTables() throws {
        try rememberOrphans()
        // Every decision is made on the images as they are, before the first row is written.
        var keyed: [MergeTable] = []
        for table in tables {
            if table.isVirtual {
                if !onlyAdds { try compareVirtual(table) }
            } else if try table.isMigrations || table.key.isEmpty || hasNullKey(table) {
                if !onlyAdds { try takeWhole(table) }
            } else {
                try decide(table)
                decided.insert(table.number)
                keyed.append(table)
            }
        }
        for table in keyed { try numberAnew(table) }
        for table in keyed { try apply(table) }
        for table in keyed { try raiseSequences(table) }
        try undoDeletions(keyed)
        try restoreParents()
        warnOfRestored()
        if hasDropped { try dropOrphans() }
        outcome.tables = outcome.tables.filter { $0.value != Counts() }
        try cancellation.check()
        // A database that statements were added to is as whole as it was.
        if onlyAdds { return }
        let problems = try connection.rows("PRAGMA main.quick_check(1)").first?.first?.string
        guard problems == "ok" else {
            throw SQLiteError(
                11, "the merged database is damaged (\(problems ?? "no answer")); keep both snapshots",
                path: connection.path)
        }
    }

    mutating func count(_ table: MergeTable, _ change: (inout Counts) -> Void) {
        change(&outcome.tables[table.name, default: Counts()])
    }
}
