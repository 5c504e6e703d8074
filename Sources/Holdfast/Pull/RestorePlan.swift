import AgentFiles
import FileIO
import Repository

/// What a pull has to do to bring a snapshot here, decided before anything is touched.
struct RestorePlan: Sendable {
    /// A file to fetch, and what must be at its path when it takes it.
    struct Fetch: Sendable {
        let entry: Entry
        let expected: StagedTree.Expectation

        /// The file as it will be, as far as that is known.
        var indexEntry: FileIndex.Entry {
            FileIndex.Entry(
                path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0, sha256: entry.digest
            )
        }

        /// The file as it was restored.
        /// - Parameter status: as it is now. Somebody may have written to it already: with the size and the time that it
        ///   was given, that shows.
        func indexEntry(_ status: FileStatus?) -> FileIndex.Entry {
            FileIndex.Entry(
                path: entry.path, size: entry.size, modified: entry.modified, changed: status?.changed ?? 0,
                inode: status?.inode ?? 0, sha256: entry.digest, wasRestored: true)
        }
    }

    /// In the order of their paths.
    var fetches: [Fetch] = []
    /// Files that the snapshot does not have any more, and that did not change here.
    var removals: [(path: RelativePath, expected: StagedTree.Expectation)] = []
    /// Files that are the same already, and files of the snapshot that stay different here: the next push tells by these
    /// what changed.
    var index: [FileIndex.Entry] = []
    /// Files that changed here and are replaced or removed all the same; their content is kept beside.
    var overruled: [RelativePath] = []
    var conflicts: [RelativePath] = []

    /// Compares a snapshot with what is here and what was the same when they were synchronised last.
    ///
    ///     here changed | there changed | outcome
    ///     no           | yes           | follow the store, also where it removed the file
    ///     yes          | no            | keep the file
    ///     yes          | yes           | by policy
    ///     missing      | any           | fetch: what is missing here was not removed on purpose for all one knows
    ///     never synchronised, and different | by policy
    ///
    /// - Parameters:
    ///   - entries: the snapshot's files that may be written here.
    ///   - local: all files that are here.
    ///   - digests: of local files whose content is known.
    init(
        _ entries: [Entry], local: [StorageScan.ScannedFile], digests: [RelativePath: Digest], base: LocalState.Base?,
        policy: ConflictPolicy
    ) {
        let here = Dictionary(local.map { ($0.path, $0.status) }) { first, _ in first }
        if here.isEmpty { fetches.reserveCapacity(entries.count) }
        for entry in entries {
            guard let status = here[entry.path] else {
                fetches.append(Fetch(entry: entry, expected: .nothing))
                continue
            }
            let digest = digests[entry.path]
            if digest == entry.digest, status.size == entry.size {
                index.append(FileIndex.Entry(path: entry.path, status: status, sha256: entry.digest))
                continue
            }
            let before = base?.index.entry(entry.path)?.sha256
            if let digest, digest == before || digest == base?.restoring?.entry(entry.path)?.sha256 {
                fetches.append(Fetch(entry: entry, expected: .unchanged(status)))
            } else if before == entry.digest {
                keep(entry)
            } else {
                decide(entry, status, policy)
            }
        }
        if let base { planRemovals(Set(entries.map(\.path)), here, digests, base, policy) }
        conflicts.sort()
    }

    /// What is to be said of the files that are here once the plan is carried out.
    /// - Parameter local: all files that were here before.
    func check(_ local: [StorageScan.ScannedFile]) -> StateCheck.Files {
        let brought = StateCheck.check(fetches.lazy.map { ($0.entry.path, $0.entry.size) })
        guard brought == .sound, !local.isEmpty else { return brought }
        let gone = Set(fetches.map(\.entry.path)).union(removals.map(\.path))
        return StateCheck.check(local.lazy.filter { !gone.contains($0.path) }.map { ($0.path, $0.status.size) })
    }

    /// A file that changed on both sides.
    private mutating func decide(_ entry: Entry, _ status: FileStatus, _ policy: ConflictPolicy) {
        switch policy {
        case .stop: conflicts.append(entry.path)
        case .newerWins where status.modified > entry.modified: keep(entry)
        case .newerWins, .storeWins:
            overruled.append(entry.path)
            fetches.append(Fetch(entry: entry, expected: .unchanged(status)))
        }
    }

    /// The file here stays. The index tells what the snapshot has, under a status that no file has.
    mutating func keep(_ entry: Entry) {
        index.append(
            FileIndex.Entry(
                path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0, sha256: entry.digest
            ))
    }

    private mutating func planRemovals(
        _ stored: Set<RelativePath>, _ here: [RelativePath: FileStatus], _ digests: [RelativePath: Digest],
        _ base: LocalState.Base, _ policy: ConflictPolicy
    ) {
        // What a killed pull brought and nobody has touched follows the store as well.
        let restoring = base.restoring?.entries.filter { digests[$0.path] == $0.sha256 } ?? []
        let brought = Set(restoring.map(\.path))
        let known = base.index.entries.filter { !brought.contains($0.path) }
        for old in known + restoring where !stored.contains(old.path) {
            guard let status = here[old.path] else { continue }
            if digests[old.path] == old.sha256 {
                removals.append((old.path, .unchanged(status)))
                continue
            }
            switch policy {
            case .stop: conflicts.append(old.path)
            case .newerWins: break
            case .storeWins:
                overruled.append(old.path)
                removals.append((old.path, .unchanged(status)))
            }
        }
    }
}
