import AgentDatabase
import AgentFiles
import FileIO
import Logging
import Repository

/// What a pull has to do about the databases of a snapshot, decided before anything is touched.
struct DatabasePlan: Sendable {
    /// A database that takes another state.
    struct Change: Sendable {
        let entry: Entry
        /// Where it is, or is to be.
        let place: String
        /// What is there now.
        let present: DatabaseFile?
        let how: How
        /// What both sides came from, for a merge; `nil` if it is in no snapshot.
        var base: Entry?
    }

    enum How: Sendable, Equatable {
        /// It takes the snapshot's state.
        case replace
        /// The same, although it changed here; its own state is kept beside.
        case overrule
        /// The rows of both sides are merged.
        case merge
    }

    var changes: [Change] = []
    /// Databases that stay as they are; the next push tells by these what changed.
    var index: [FileIndex.Entry] = []
    var conflicts: [RelativePath] = []
    var problems: [SyncResult.Problem] = []
    var warnings: [String] = []
}

extension Memory {
    /// Compares the databases of a snapshot with those here, by the rules that hold for files.
    ///
    /// An image is made of a database that changed here, to see whether the snapshot has the same.
    /// - Parameters:
    ///   - entries: the snapshot's databases.
    ///   - base: what was the same when they were synchronised last.
    /// - Throws: ``FileError``, `CancellationError`.
    func planDatabases(
        _ entries: [Entry], _ base: LocalState.Base?, _ policy: ConflictPolicy
    ) async throws -> DatabasePlan {
        var plan = DatabasePlan()
        guard !entries.isEmpty || base?.index.entries.contains(where: { DatabaseEntries.contains($0.path) }) == true
        else { return plan }
        let found = try await databases().databases
        for entry in entries {
            guard let name = DatabaseEntries.name(at: entry.path, named: options.database) else {
                plan.problems.append(
                    SyncResult.Problem(path: "\(entry.path)", reason: "it is called like no database of an agent"))
                continue
            }
            let place = DatabaseScan.path(of: name, beside: options.storage, named: options.database)
            let present = found.first { $0.name == name }
            func change(_ how: DatabasePlan.How) {
                plan.changes.append(DatabasePlan.Change(entry: entry, place: place, present: present, how: how))
            }
            guard let present else {
                change(.replace)
                continue
            }
            let before = base?.index.entry(entry.path)?.sha256
            let known = base?.known(present)
            let digest = if let known { known.sha256 } else { try await digest(of: present) }
            func keep(_ digest: Digest?) {
                if let known, known.sha256 == entry.digest {
                    plan.index.append(known)
                    return
                }
                plan.index.append(
                    FileIndex.Entry(
                        path: entry.path, size: entry.size, modified: entry.modified,
                        changed: digest == entry.digest ? present.changed : 0,
                        inode: digest == entry.digest ? present.fingerprint : 0, sha256: entry.digest))
            }
            if digest == entry.digest {
                keep(digest)
            } else if let digest, digest == before || digest == base?.restoring?.entry(entry.path)?.sha256 {
                change(.replace)
            } else if before == entry.digest {
                keep(nil)
            } else {
                switch policy {
                case .stop: plan.conflicts.append(entry.path)
                case .newerWins:
                    plan.changes.append(
                        DatabasePlan.Change(
                            entry: entry, place: place, present: present, how: .merge,
                            base: try await origin(of: entry.path, base)))
                case .storeWins: change(.overrule)
                }
            }
        }
        let stored = Set(entries.map(\.path))
        for old in base?.index.entries ?? [] where DatabaseEntries.contains(old.path) && !stored.contains(old.path) {
            // A file may follow the store; whoever wants a database gone can remove it.
            plan.warnings.append("the snapshot has no database '\(old.path)' any more; the one here stays")
        }
        return plan
    }

    /// The version of a database that was the same here and in the store, if a snapshot still has it.
    func origin(of path: RelativePath, _ base: LocalState.Base?) async throws -> Entry? {
        guard let base, let old = base.index.entry(path) else { return nil }
        do {
            let entry = try await repository.manifest(of: base.snapshot).entry(path)
            return entry?.digest == old.sha256 ? entry : nil
        } catch let error as RepositoryError {
            guard error.kind == .damaged else { throw error }
            return nil
        }
    }

    /// What a push would store of a database; `nil` if it cannot be read.
    private func digest(of database: DatabaseFile) async throws -> Digest? {
        do {
            let image = try await image(of: database)
            return try await FileIO.run { try Digest(of: image.file) }
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            logger.warning("A database cannot be read", metadata: ["path": "\(database.path)", "error": "\(error)"])
            return nil
        }
    }
}
