import CSQLite
import FileIO
import Glibc

/// A private directory in which versions of a database are brought together. They hold no credentials.
public final class DatabaseUnion: Sendable {
    /// A version of the database.
    public enum Version: String, Sendable {
        /// What both sides came from.
        case base
        case ours
        /// The result takes the place of this one, so that most of its pages stay as they are in the store.
        case theirs
    }

    /// What came of it.
    public enum Outcome: Sendable {
        case merged(DatabaseImage, MergeReport)
        /// No schema can hold the rows of both sides; why, in sentences. Both versions are to be kept.
        case noTarget([String])
    }

    private let path: String

    /// - Throws: ``TemporaryFileError``.
    public init() throws(TemporaryFileError) {
        path = "\(TemporaryFiles.directory)/\(String(decoding: FileIO.temporaryName("holdfast-"), as: UTF8.self))"
        do throws(FileError) { try makeDirectories(path, permissions: 0o700) } catch {
            throw TemporaryFileError(error.reason)
        }
    }

    deinit {
        for version in [Version.base, .ours, .theirs] { unlink(path(of: version)) }
        rmdir(path)
    }

    private func path(of version: Version) -> String { "\(path)/\(version.rawValue)" }

    /// An empty file for a version's image.
    /// - Throws: ``FileError``.
    public func file(for version: Version) throws(FileError) -> File {
        try File.open(path(of: version), [.readWrite, .createNew, .noFollow], permissions: 0o600)
    }

    /// Takes over a version that is here already.
    /// - Throws: ``FileError``.
    public func copy(_ image: DatabaseImage, as version: Version) throws(FileError) {
        try image.copy(to: try file(for: version))
    }

    /// Proves that a version is a whole database.
    /// - Throws: ``SQLiteError``, ``DatabaseDamage``, ``FileError``.
    public func check(_ version: Version) throws {
        try File.open(path(of: version), [.readWrite, .noFollow]).markAsRollbackJournal()
        let image = try SQLiteConnection(path(of: version), .write)
        try image.distrust()
        try DatabaseImage.check(image)
    }

    /// Merges the versions row by row. Afterwards their files are spoilt.
    /// - Parameters:
    ///   - hasBase: whether there is a file for the base.
    ///   - keepingSchema: the result is for a machine with an agent of our schema: it has theirs only where that adds to
    ///     ours. The rows that ours has no place for are ``MergeReport/hidden`` then.
    /// - Throws: ``SQLiteError``, ``DatabaseDamage``, ``FileError``, `CancellationError`.
    public func run(hasBase: Bool, keepingSchema: Bool = false, _ cancellation: Cancellation) throws -> Outcome {
        for version in [Version.base, .ours, .theirs] where hasBase || version != .base {
            try File.open(path(of: version), [.readWrite, .noFollow]).markAsRollbackJournal()
        }
        let outcome = try DatabaseMerge.merge(
            base: hasBase ? path(of: .base) : nil, ours: path(of: .ours), theirs: path(of: .theirs),
            schema: keepingSchema ? .oursUnlessExtended : .later, cancellation: cancellation)
        guard outcome.refusal.isEmpty else { return .noTarget(outcome.refusal) }
        let path = path(of: outcome.target == .ours ? .ours : .theirs)
        let file = try File.open(path, [.readWrite, .noFollow])
        try file.markAsRollbackJournal()
        let image = try SQLiteConnection(path, .write)
        try DatabasePages.zeroUnused(in: file, roots: DatabasePages.roots(of: image), cancellation: cancellation)
        try file.resetChangeCounter()
        try image.execute("PRAGMA shrink_memory")
        try DatabaseImage.check(image)
        let pageSize = try image.rows("PRAGMA page_size").first?.first?.integer ?? 4096
        // The file lives on without its name.
        return .merged(try DatabaseImage(file, pageSize: Int(pageSize)), outcome.report)
    }

    /// Whether a stored image can take the place of a database here, or has to be merged into its schema: since ours has
    /// what theirs lacks, or since its agent would not find all it needs in theirs.
    /// - Throws: ``SQLiteError``, ``FileError``.
    public static func fits(_ image: String, inPlaceOf present: DatabaseFile) throws -> Bool {
        let theirs = try SQLiteConnection(MergeImages.uri(image), .attach)
        try theirs.distrust()
        let ours = try present.readOnlyConnection()
        let (there, here) = (
            try DatabaseSchema.read("main", in: theirs),
            try ours.transaction("DEFERRED") { try DatabaseSchema.read("main", in: ours) }
        )
        return switch SchemaOrder(here, there, names: ("here", "in the store")) {
        // An agent brings an older database to its own schema.
        case .first, .none: true
        case .same, .second: there.onlyAdds(to: here)
        }
    }

    /// What came of adding to a live database.
    public struct Addition: Sendable {
        /// Rows that were written.
        public let rows: Int
        public let report: MergeReport
        /// Why nothing was written, in sentences: neither schema can hold the other's rows.
        public let refusal: [String]
    }

    /// Adds to a live database what ``Version/ours`` has new since ``Version/base``; nothing is taken away.
    /// - Parameters:
    ///   - database: its agent may be at work on it.
    ///   - hasBase: whether there is a file for the base.
    ///   - forgotten: ``MergeReport/unplacedTables`` of the last time.
    ///   - rebase: a checkout that has another path on this machine; if `nil`, it is found out where it is certain.
    ///   - checkout: the checkout here.
    /// - Throws: ``SQLiteError``, ``DatabaseDamage``, ``FileError``, `CancellationError`; nothing was written then.
    public func add(
        to database: DatabaseFile, hasBase: Bool, forgetting forgotten: Set<String> = [],
        rebase: (old: String, new: String)?, checkout: String?, _ cancellation: Cancellation
    ) throws -> Addition {
        guard (database.main?.size ?? 0) > 0 else {
            // Whoever opens it now would delete its log.
            throw SQLiteError(SQLITE_BUSY, "its first pages are still in its log", path: database.path)
        }
        var map = rebase
        for version in [Version.ours, .base] where hasBase || version == .ours {
            try File.open(path(of: version), [.readWrite, .noFollow]).markAsRollbackJournal()
            let image = try SQLiteConnection(path(of: version), .write)
            try image.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
            if version == .ours {
                try DatabaseImage.check(image)
                if map == nil, let checkout {
                    map = DatabaseRebase.automaticRebase(
                        checkouts: try DatabaseRebase.checkouts(in: image), current: checkout,
                        exists: { (try? FileStatus.at($0)) != nil })
                }
            }
            if let map { _ = try DatabaseRebase.rebase(image, from: map.old, to: map.new) }
        }
        let outcome = try DatabaseMerge.add(
            base: hasBase ? path(of: .base) : nil, other: path(of: .ours), live: database.path, forgetting: forgotten,
            cancellation: cancellation)
        // The live database is ours, and what is added to it theirs.
        return Addition(rows: outcome.report.written, report: outcome.report, refusal: outcome.refusal)
    }
}
