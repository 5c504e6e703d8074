import CSQLite
import FileIO

/// Merges two images of one database row by row against the image that both come from.
///
/// The schema of the result is the later one, see ``SchemaOrder``. Rows are compared in the columns that both sides and the
/// base have: a column that one side lacks is unknown there, not changed. The rules, for a table with a primary key, by key:
///
/// - What only one side changed, added or deleted is taken.
/// - Where both changed a row differently, or added different rows, the one with the larger `time_updated` stays; if
///   the table has none, or they are equal, the one with the larger content. So both machines come to the same.
/// - A row deleted on one side and changed on the other stays. So does a row that the other side's rows refer to with
///   a foreign key: the deletion is undone, for the row, what it refers to in turn, and all that went with it through
///   `ON DELETE CASCADE`. A conversation continued on one machine and deleted on another is whole afterwards.
/// - A side whose schema is not the base's has deleted no rows but those of whole sessions: the rest was left behind by a
///   migration. Rows that a schema has no place for were not deleted by its side.
/// - Rows that both sides added under one number that SQLite gives are numbered anew, with all that refers to them. So are
///   the running numbers of a group, such as the events of a session, in the order of time.
/// - Of two rows that a UNIQUE index does not allow side by side one stays, by the rule for changes on both sides.
///
/// Tables that list migrations come whole from the target. The tables of 1.x that a 2.x has taken over stay as they were
/// then: what an agent of 1.x has added since has no place beside the mark that says so. A table whose rows have no key is
/// taken whole from the side that changed it. Search indexes are built anew.
///
/// The images are not trusted: no trigger and no view of theirs runs, and no schema is written.
struct DatabaseMerge {
    struct Counts: Sendable, Equatable {
        var inserted = 0
        var updated = 0
        var deleted = 0
    }

    /// Which schema the result has.
    enum Choice: Sendable {
        /// The later one.
        case later
        /// The later one if it only adds to ours, else ours.
        case oursUnlessExtended
    }

    struct Outcome: Sendable {
        /// The side whose image is the merged one now.
        var target = MergeReport.Side.theirs
        /// Rows written in the image, by table; tables without any are left out.
        var tables: [String: Counts] = [:]
        /// Rows that both sides had changed differently.
        var conflicts = 0
        var report = MergeReport()
        /// Why nothing was merged, in sentences. Both images are to be kept then.
        var refusal: [String] = []
    }

    /// Merges `ours` and `theirs` in place: ``Outcome/target`` says which of them holds the result. The other one and the
    /// base are spoilt afterwards.
    ///
    /// One transaction: if anything is thrown, the target holds what it held. Memory does not grow with the databases.
    /// - Parameter base: the path of the image that both come from.
    /// - Throws: ``SQLiteError``, `CancellationError`.
    static func merge(
        base: String?, ours: String, theirs: String, schema choice: Choice = .later, cancellation: Cancellation
    ) throws -> Outcome {
        let (here, there) = (try readSchema(ours), try readSchema(theirs))
        var target = MergeReport.Side.theirs
        switch SchemaOrder(here, there, names: ("here", "in the store")) {
        case .none(let reasons): return Outcome(refusal: reasons)
        case .first: target = .ours
        // With one schema, most of the stored image's pages stay as they are.
        case .same: target = here.hasImported && !there.hasImported ? .ours : .theirs
        case .second: break
        }
        let isHeldBack = target == .theirs && choice == .oursUnlessExtended && !there.onlyAdds(to: here)
        if isHeldBack { target = .ours }
        let (into, other) = target == .ours ? (ours, theirs) : (theirs, ours)
        return try MergeImages.with(base: base, other: other, into: into, isLive: false, cancellation) { images in
            var merge = DatabaseMerge(images: images, target: target, cancellation: cancellation)
            merge.isHeldBack = isHeldBack
            return try merge.run()
        }
    }

    /// Adds to a live database, which its agent may go on writing to, what `other` has new since `base`.
    ///
    /// The database keeps its schema. Nothing is taken away: what the other side deleted stays, and rows keep their numbers.
    /// Tables whose rows have no key stay as they are.
    ///
    /// One transaction. Other writers wait only while rows are written: the comparison, which takes longer, reads one state
    /// of the database, and is done again if somebody has written meanwhile. The last attempt keeps others out from the
    /// start.
    /// - Parameters:
    ///   - base: the path of the other's image at the last time, `nil` at the first. It is spoilt, as is `other`.
    ///   - other: the path of the other's image.
    ///   - live: the path of the database.
    ///   - forgotten: tables in which the last time left rows out: they are compared as if there were no base.
    /// - Throws: ``SQLiteError``, `CancellationError`; nothing was written then.
    static func add(
        base: String?, other: String, live: String, forgetting forgotten: Set<String> = [], cancellation: Cancellation
    ) throws -> Outcome {
        let (here, there) = (try readSchema(live, isLive: true), try readSchema(other))
        let order = SchemaOrder(here, there, names: ("here", "there"))
        if case .none(let reasons) = order { return Outcome(refusal: reasons) }
        var attempts = 0
        while true {
            attempts += 1
            let isLast = attempts == 4
            do {
                return try MergeImages.with(base: base, other: other, into: live, isLive: true, cancellation) {
                    images in
                    var merge = DatabaseMerge(images: images, target: .ours, cancellation: cancellation)
                    merge.onlyAdds = true
                    merge.isHeldBack = order == .second
                    merge.forgotten = forgotten
                    merge.begin = isLast ? "IMMEDIATE" : "DEFERRED"
                    return try merge.run()
                }
            } catch let error as SQLiteError {
                guard !isLast, error.primaryCode == SQLITE_BUSY else { throw error }
            }
        }
    }

    private static func readSchema(_ path: String, isLive: Bool = false) throws -> DatabaseSchema {
        let name = isLive ? (path.hasPrefix("/") ? path : "./" + path) : MergeImages.uri(path)
        let connection = try SQLiteConnection(name, .attach)
        try connection.distrust()
        return try connection.transaction("DEFERRED") { try DatabaseSchema.read("main", in: connection) }
    }

    let images: MergeImages
    /// The side that `main` is.
    let target: MergeReport.Side
    /// The database is live, and nothing is taken from it.
    private(set) var onlyAdds = false
    /// The other side's schema is the later one.
    private(set) var isHeldBack = false
    private var forgotten: Set<String> = []
    /// How the transaction begins.
    private var begin = "IMMEDIATE"
    let cancellation: Cancellation
    var outcome = Outcome()

    private(set) var main = DatabaseSchema()
    private(set) var other = DatabaseSchema()
    private(set) var base: DatabaseSchema?
    /// The tables that are merged row by row.
    private(set) var tables: [MergedTable] = []
    /// The foreign keys of the target.
    var foreignKeys: [ForeignKey] { main.foreignKeys }
    /// What a row's absence from a side means.
    private(set) var deletions = (main: Deletions.none, other: Deletions.none)
    /// Whether rows are missing that others may refer to.
    var hasDropped = false
    /// By table, the rows whose deletion was undone.
    var restored: [String: Int] = [:]

    var connection: SQLiteConnection { images.connection }

    private init(images: MergeImages, target: MergeReport.Side, cancellation: Cancellation) {
        (self.images, self.target, self.cancellation) = (images, target, cancellation)
        outcome.target = target
    }

    private mutating func run() throws -> Outcome {
        if let encodings = try images.encodingDifference() {
            outcome.refusal = [encodings]
            return outcome
        }
        try images.attach()
        main = try DatabaseSchema.read("main", in: connection)
        other = try DatabaseSchema.read("other", in: connection)
        if images.base != nil { base = try DatabaseSchema.read("base", in: connection) }
        // What is missing in a live database was removed there, if the last time brought it.
        deletions = (onlyAdds ? .all : Deletions(of: main, since: base), Deletions(of: other, since: base))
        try connection.transaction(begin) { try mergeTables() }
        return outcome
    }

    private mutating func mergeTables() throws {
        try createReport()
        try joinTables()
        try alignNumbers()
        try rememberSessions()
        // Every decision is made on the images as they are, before the first row is written.
        for table in tables { try decide(table) }
        try decideSessions()
        for table in tables { try apply(table) }
        try raiseSequences()
        if !onlyAdds { try undoDeletions() }
        try restoreParents()
        try dropChildren()
        warnOfRestored()
        try rebuildIndexes()
        outcome.tables = outcome.tables.filter { $0.value != Counts() }
        try readReport()
        try cancellation.check()
        // A database that statements were added to is as whole as it was.
        if onlyAdds { return }
        try checkTarget()
    }

    private func checkTarget() throws {
        let problems = try connection.rows("PRAGMA main.quick_check(1)").first?.first?.string
        guard problems == "ok" else {
            throw SQLiteError(
                11, "the merged database is damaged (\(problems ?? "no answer")); keep both snapshots",
                path: connection.path)
        }
    }

    /// Finds the tables that both sides have, and deals with those that are not merged row by row.
    private mutating func joinTables() throws {
        for table in main.tables where !DatabaseSchema.isBookkeeping(table) && !isLeftAlone(table) {
            guard let there = other.table(table.name) else { continue }
            let foreign = Set(table.foreignCollations + there.foreignCollations)
            if let collation = foreign.min() {
                outcome.report.warnings.append(
                    "'\(table.name)' is sorted by '\(collation)', which only its agent knows: it is as in the database "
                        + "of the \(isHeldBack ? "earlier" : "later") schema")
                continue
            }
            if case .virtual(let module) = table.kind {
                try noteUnmerged(table, module)
                guard try hasOwnRows(table, in: "main"), try hasOwnRows(there, in: "other") else { continue }
            }
            let before = forgotten.contains(table.folded) ? nil : base?.table(table.name)
            if let merged = MergedTable(table, there, before, number: tables.count), try !hasNullKey(merged) {
                tables.append(merged)
            } else if table.kind == .ordinary {
                if !onlyAdds { try takeWhole(table, there, before) }
            }
        }
        try noteUnplaced()
    }

    /// Whether the target's rows stay as they are.
    func isLeftAlone(_ table: MergeTable) -> Bool {
        if isOfImport(table) { return main.hasImported && !other.hasImported }
        // The import empties these, and they mean other things afterwards.
        return table.isEvents && (main.secondSessions == nil) != (other.secondSessions == nil)
    }

    /// A table of 1.x that the import of 2.x reads.
    func isOfImport(_ table: MergeTable) -> Bool { DatabaseSchema.firstTables.contains(table.folded) }

    mutating func count(_ table: MergedTable, _ change: (inout Counts) -> Void) {
        change(&outcome.tables[table.table.name, default: Counts()])
    }
}

/// What the absence of a row that the base has means on a side.
enum Deletions: Sendable {
    /// It was deleted.
    case all
    /// It was deleted if its whole session is gone; else a migration left it behind.
    case sessions
    /// Nothing.
    case none

    init(of side: DatabaseSchema, since base: DatabaseSchema?) {
        guard let base else {
            self = .none
            return
        }
        self = side.isSame(as: base) ? .all : .sessions
    }
}
