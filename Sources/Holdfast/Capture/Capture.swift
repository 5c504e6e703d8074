import AgentDatabase
import AgentFiles
import Basics
import FileIO
import NIOConcurrencyHelpers
import Repository

/// The state of a storage directory on its way into a snapshot.
struct Capture: Sendable {
    let workspace: Workspace
    /// In the order of their paths.
    let files: [StorageScan.ScannedFile]
    /// In the order of their names.
    let databases: [DatabaseFile]
    /// Databases that stay as they are in the base.
    let leftOut: [RelativePath]
    /// What could not be looked at.
    let failures: [StorageScan.Failure]
    /// Files whose content is not to be taken.
    var torn: [RelativePath] = []
    /// Databases among the files whose log or journal holds more than they do.
    var logs: Set<RelativePath> = []
    /// Files and databases that are missing here, and whose removal waits.
    var heldBack: Set<RelativePath> = []
    let base: LocalState.Base?
    /// When the scan began, in nanoseconds since 1970.
    let takenAt: Int64

    init(
        _ workspace: Workspace, _ files: [StorageScan.ScannedFile], _ databases: [DatabaseFile],
        leavingOut leftOut: [RelativePath] = [], failures: [StorageScan.Failure], _ base: LocalState.Base?,
        takenAt: Int64
    ) {
        self.workspace = workspace
        self.files = files
        self.databases = databases
        self.leftOut = leftOut
        self.failures = failures
        self.base = base
        self.takenAt = takenAt
    }

    /// Whether all files are known to be as they were when they were synchronised. Some may be although this says no.
    var isUnchanged: Bool {
        guard let base, failures.isEmpty, logs.isEmpty,
            files.count + databases.count + leftOut.count(where: { base.index.entry($0) != nil })
                == base.index.entries.count,
            databases.allSatisfy(base.index.matches)
        else { return false }
        let known = base.index.entries.lazy.filter { !DatabaseEntries.contains($0.path) }
        return known.count == files.count
            && zip(files, known).allSatisfy { file, entry in
                file.path == entry.path && base.index.matches(entry, file.status)
            }
    }

    /// What came of it.
    struct Captured: Sendable {
        /// In the order of their paths.
        var files: [SaveRequest.File] = []
        /// The files as they are here now.
        var index: [FileIndex.Entry] = []
        /// Files whose content was sent.
        var writtenFiles = 0
        var writtenDatabases = false
        var problems: [SyncResult.Problem] = []
        var warnings: [String] = []
        /// What is wrong with rows of databases, which are stored all the same.
        fileprivate var databaseRemarks: [String] = []
        /// Sessions in databases whose removal waits.
        var losses: [Loss] = []
        /// The databases that they were in.
        var heldBack: [RelativePath] = []
        /// Images that are saved in place of databases that have lost most of their sessions.
        var images: [RelativePath: DatabaseImage] = [:]

        /// Whether all files are as the base has them.
        func isUnchanged(since base: LocalState.Base) -> Bool {
            guard files.count == base.index.entries.count, base.restoring == nil else { return false }
            return files.allSatisfy { if case .unchanged = $0 { true } else { false } }
        }
    }

    /// Reads what changed and hands it to a writer.
    /// - Parameters:
    ///   - newest: what the writer builds upon.
    ///   - base: the snapshot that unchanged files are known to be in; `nil` to read all files.
    ///   - rows: holds removals of rows back.
    /// - Throws: ``StoreError``, `CancellationError`.
    func write(
        to writer: SnapshotWriter, upon newest: Newest, base: LocalState.Base?, guardedBy rows: RowGuard
    ) async throws -> Captured {
        var captured = Captured()
        var changed: [StorageScan.ScannedFile] = []
        let abandoned = Compaction.packs(of: newest)
        let moving = abandoned.isEmpty ? [] : paths(in: abandoned, of: newest)
        for file in files {
            if let entry = base?.index.entry(file.path), base?.index.matches(entry, file.status) == true,
                !moving.contains(file.path), !logs.contains(file.path)
            {
                captured.files.append(.unchanged(entry.facts))
                captured.index.append(entry)
            } else {
                changed.append(file)
            }
        }
        workspace.progress.begin(files: changed.count, bytes: changed.reduce(0) { $0 + $1.status.size })
        var read = FileCapture.Outcome()
        if !changed.isEmpty {
            let work = try await FileCapture.open(workspace, writer, base, moving)
            try await work.run(changed)
            read = work.outcome
        }
        var unreadable = read.unreadable
        for database in databases {
            guard let path = DatabaseEntries.path(of: database.name) else { continue }
            if let entry = base?.files.known(database), !moving.contains(path) {
                captured.files.append(.unchanged(entry.facts))
                captured.index.append(entry)
                if rows.censuses.known(entry.sha256) == nil {
                    rows.censuses.note(try await rows.censuses.here(database), of: entry.sha256)
                }
                continue
            }
            let capture = DatabaseCapture(workspace: workspace, writer: writer)
            let outcome = try await capture.run(database, at: path, guardedBy: rows)
            take(outcome, of: database, base, moving, &captured, &unreadable)
        }
        for path in read.databases.sorted() {
            guard let database = try await database(inStorage: path, &captured, &unreadable) else { continue }
            let capture = DatabaseCapture(workspace: workspace, writer: writer)
            var outcome = try await capture.run(database, at: path, guardedBy: rows)
            if case .read(let file, let entry, let remarks) = outcome, let main = database.main {
                outcome = .read(
                    file,
                    FileIndex.Entry(
                        path: path, size: entry.size, modified: main.modified, changed: main.changed,
                        inode: main.inode, sha256: entry.sha256), remarks: remarks)
            }
            take(outcome, of: database, base, moving, &captured, &unreadable)
        }
        captured.warnings += captured.databaseRemarks
        captured.files += read.files
        captured.index += read.index
        captured.writtenFiles += read.writtenFiles
        captured.problems = (captured.problems + read.problems).sorted { $0.path < $1.path }
        keepUnseen(base, newest, unreadable, &captured)
        captured.files.sort { $0.path < $1.path }
        return captured
    }

    /// Takes in what came of a database.
    private func take(
        _ outcome: DatabaseCapture.Outcome, of database: DatabaseFile, _ base: LocalState.Base?,
        _ moving: Set<RelativePath>, _ captured: inout Captured, _ unreadable: inout [RelativePath]
    ) {
        switch outcome {
        case .failed(let path, let failure):
            unreadable.append(path)
            captured.problems.append(SyncResult.Problem(path: "\(path)", failure))
        case .read(let file, let entry, let remarks):
            captured.databaseRemarks += remarks.map {
                "'\(printable(database.path.utf8))' is saved as it is: \($0)"
            }
            captured.index.append(entry)
            captured.add(file, old: moving.contains(entry.path) ? nil : base?.index.entry(entry.path))
        case .stays(let path, let loss, let reason):
            unreadable.append(path)
            captured.losses.append(loss)
            captured.heldBack.append(path)
            captured.warnings.append("'\(path)' has lost sessions and stays as it was stored: \(reason)")
        case .united(let file, let entry, let image, let loss):
            captured.index.append(entry)
            captured.losses.append(loss)
            captured.heldBack.append(entry.path)
            captured.images[entry.path] = image
            captured.add(file, old: moving.contains(entry.path) ? nil : base?.index.entry(entry.path))
        }
    }

    /// A database in the storage directory itself: stored as an image without credentials, like those beside it.
    private func database(
        inStorage path: RelativePath, _ captured: inout Captured, _ unreadable: inout [RelativePath]
    ) async throws -> DatabaseFile? {
        guard let text = path.utf8String else {
            unreadable.append(path)
            captured.problems.append(
                SyncResult.Problem(
                    path: "\(path)", reason: "it is a database, and its name is not valid UTF-8",
                    hint: SafePaths.Refusal.hint))
            return nil
        }
        let place = "\(workspace.storage)/\(text)"
        return try await FileIO.run { try DatabaseFile.at(place) }
    }

    /// What could not be looked at is not gone: the snapshot keeps the version that it had.
    /// - Parameter base: the snapshot that unchanged files are known to be in.
    private func keepUnseen(
        _ base: LocalState.Base?, _ newest: Newest, _ unreadable: [RelativePath], _ captured: inout Captured
    ) {
        let hidden = heldBack.union(failures.map(\.path) + unreadable + leftOut + torn)
        let seen = Set(captured.files.map(\.path))
        if let base {
            for entry in base.index.entries where !seen.contains(entry.path) && isUnseen(entry.path, hidden) {
                captured.files.append(.unchanged(entry.facts))
                captured.index.append(entry)
            }
        } else if self.base != nil {
            // The base is lost, and the store fell back to a snapshot before it.
            for entry in newest.manifest?.entries ?? [] where !seen.contains(entry.path) && isUnseen(entry.path, hidden)
            {
                captured.files.append(.stored(entry))
                guard heldBack.contains(entry.path) else { continue }
                captured.index.append(
                    FileIndex.Entry(
                        path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0,
                        sha256: entry.digest))
            }
        }
    }

    private func isUnseen(_ path: RelativePath, _ hidden: Set<RelativePath>) -> Bool {
        if hidden.contains(path) || path.ancestors.contains(where: { hidden.contains($0) }) { return true }
        // A file that the options leave out this time was not removed either.
        switch workspace.exclusions.rule(for: path) {
        case .leftOut?, .excluded?: return true
        case .neverStored?, nil: return workspace.leavesOut(database: path)
        }
    }

    /// The files of a snapshot that a save of this state would drop, as far as can be told before anything is read.
    /// - Parameters:
    ///   - manifest: that of the newest snapshot.
    ///   - lineage: how the base stands to it.
    /// - Returns: `nil` where nothing would count as removed.
    func removed(from manifest: Manifest, _ lineage: Lineage) -> [RelativePath]? {
        guard let base, lineage.isBase || lineage == .newer else { return nil }
        let here = Set(files.map(\.path) + databases.compactMap { DatabaseEntries.path(of: $0.name) })
        let hidden = Set(failures.map(\.path) + leftOut + torn)
        return manifest.entries.filter { entry in
            guard !here.contains(entry.path), !isUnseen(entry.path, hidden) else { return false }
            // Where the base is lost, everything that the store fell back to was there then.
            return lineage == .newer || base.index.entry(entry.path)?.sha256 == entry.digest
        }.map(\.path)
    }

    /// The files that have a blob in one of these packs.
    private func paths(in packs: Set<Digest>, of newest: Newest) -> Set<RelativePath> {
        var found: Set<RelativePath> = []
        for manifest in newest.manifests {
            for entry in manifest.entries where entry.references.contains(where: { packs.contains($0.frame.pack) }) {
                found.insert(entry.path)
            }
        }
        return found
    }
}

extension Capture.Captured {
    /// Takes over a database that was read.
    /// - Parameter old: what the snapshot is known to have.
    fileprivate mutating func add(_ file: NewFile, old: FileIndex.Entry?) {
        if let old, old.sha256 == file.facts.digest {
            files.append(.unchanged(old.facts))
        } else {
            files.append(.new(file))
            writtenFiles += 1
            writtenDatabases = true
        }
    }
}

extension FileIndex.Entry {
    /// What a merge looks at.
    var facts: FileFacts { FileFacts(path: path, modified: modified, size: size, digest: sha256) }
}
