import AgentDatabase
import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import Repository

/// What the page reads of one memory's snapshots: bounded, kept for a while, and one request after the other, so that a page
/// that many look at costs a save next to nothing.
struct SnapshotReader: Sendable {
    /// What bounds it.
    struct Limits: Sendable {
        /// How old a listing may be.
        var listingAge = Duration.seconds(4)
        /// How long a reader waits for the store.
        var patience = Duration.seconds(10)
        /// Snapshots on one page.
        var snapshots = 100
        /// Files of all manifests that are kept.
        var keptFiles = 60_000
        /// Bytes of files that are kept.
        var keptBytes = 8 << 20
        /// The most bytes of a file that are shown.
        var shownBytes = 1 << 20
        /// The largest database that is fetched to be looked into, in bytes.
        var databaseBytes: Int64 = 256 << 20
    }

    let repository: Repository
    let limits: Limits
    private let listing = NIOLockedValueBox<(pages: [UInt64: SnapshotPage], taken: ContinuousClock.Instant)?>(nil)
    private let commits: BoundedCache<CommitName, Snapshot>
    private let manifests: BoundedCache<Digest, Manifest>
    private let contents: BoundedCache<Digest, ByteBuffer>
    private let tables: BoundedCache<Digest, [DatabaseTables.Table]>
    /// Listings do not wait for files, which may be large.
    private let listings = Turnstile()
    private let files = Turnstile()

    init(_ repository: Repository, limits: Limits = Limits()) {
        self.repository = repository
        self.limits = limits
        commits = BoundedCache(limit: 1000)
        manifests = BoundedCache(limit: limits.keptFiles)
        contents = BoundedCache(limit: limits.keptBytes)
        tables = BoundedCache(limit: 100)
    }

    /// The newest snapshots, or those before a number.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``TimeLimitExceeded``, ``Turnstile/Crowded``.
    func page(before: UInt64? = nil) async throws -> SnapshotPage {
        let key = before ?? 0
        if let known = kept(key) { return known }
        return try await withTimeLimit(limits.patience) {
            try await listings.pass {
                if let known = kept(key) { return known }
                let history = try await repository.history(
                    limit: limits.snapshots, before: before, sides: false, known: commits.values)
                for snapshot in history.snapshots { commits.keep(snapshot, as: snapshot.name, weight: 1) }
                let page = SnapshotPage(history, before: before)
                listing.withLockedValue { listing in
                    let now = ContinuousClock.now
                    if let taken = listing?.taken, now - taken < limits.listingAge {
                        listing?.pages[key] = page
                    } else {
                        listing = ([key: page], now)
                    }
                }
                return page
            }
        }
    }

    private func kept(_ key: UInt64) -> SnapshotPage? {
        listing.withLockedValue { listing in
            guard let taken = listing?.taken, ContinuousClock.now - taken < limits.listingAge else { return nil }
            return listing?.pages[key]
        }
    }

    /// The snapshot that an address names: `latest`, or the first digits of an id.
    /// - Throws: ``RepositoryError`` of kind `noSuchSnapshot`; else as ``page(before:)``.
    func snapshot(named name: String) async throws -> Snapshot {
        let recent = try await page().snapshots
        if name == "latest", let newest = recent.first { return newest }
        let matching = (recent + commits.values).filter { $0.id.hexadecimal.hasPrefix(name) }
        if name.utf8.count >= 12, let found = matching.first { return found }
        let found = try await withTimeLimit(limits.patience) {
            try await listings.pass { try await repository.snapshot(named: name) }
        }
        commits.keep(found, as: found.name, weight: 1)
        return found
    }

    /// - Throws: as ``page(before:)``.
    func manifest(of snapshot: Snapshot) async throws -> Manifest {
        if let known = manifests[snapshot.id] { return known }
        return try await withTimeLimit(limits.patience) {
            try await files.pass {
                if let known = manifests[snapshot.id] { return known }
                let manifest = try await repository.manifest(of: snapshot)
                manifests.keep(manifest, as: snapshot.id, weight: max(1, manifest.fileCount))
                return manifest
            }
        }
    }

    /// The first bytes of a file, verified; all of them if there are no more than ``Limits/shownBytes``.
    /// - Throws: as ``page(before:)``.
    func content(of entry: Entry) async throws -> ByteBuffer {
        if let known = contents[entry.digest] { return known }
        return try await withTimeLimit(limits.patience) {
            try await files.pass {
                if let known = contents[entry.digest] { return known }
                let bytes = try await start(of: entry)
                contents.keep(bytes, as: entry.digest, weight: bytes.readableBytes + 64)
                return bytes
            }
        }
    }

    /// Ends the reading of a file of which enough is there.
    private struct Enough: Error {}

    private func start(of entry: Entry) async throws -> ByteBuffer {
        let found = NIOLockedValueBox(ByteBuffer())
        let limit = limits.shownBytes
        do {
            try await repository.read(entry) { piece in
                let length = found.withLockedValue { found in
                    found.writeImmutableBuffer(piece)
                    return found.readableBytes
                }
                if length > limit { throw Enough() }
            }
        } catch is Enough {}
        return found.withLockedValue { found in
            found.getSlice(at: found.readerIndex, length: min(found.readableBytes, limit)) ?? found
        }
    }

    /// The tables of a database with the number of their rows: fetches all of it into a temporary file.
    /// - Throws: `SQLiteError`, `DatabaseDamage`, ``FileError``; else as ``page(before:)``.
    func tables(of entry: Entry) async throws -> [DatabaseTables.Table] {
        if let known = tables[entry.digest] { return known }
        return try await withTimeLimit(limits.patience * 6) {
            try await files.pass {
                if let known = tables[entry.digest] { return known }
                let copy = try await FileIO.run { try DatabaseTables() }
                let offset = NIOLockedValueBox<Int64>(0)
                try await repository.read(entry) { piece in
                    let start = offset.withLockedValue { offset in
                        defer { offset += Int64(piece.readableBytes) }
                        return offset
                    }
                    try await FileIO.run { try copy.file.write(piece, at: start) }
                }
                let found = try await FileIO.run { cancellation in try copy.tables(cancellation) }
                tables.keep(found, as: entry.digest, weight: 1)
                return found
            }
        }
    }
}
