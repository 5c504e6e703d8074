import AgentDatabase
import AgentFiles
import Basics
import FileIO
import Logging
import Repository

/// Changes that a restore makes to databases, decided by the truth table before anything is touched.
struct DatabasePlan: Sendable {
    /// A database that takes another state.
    struct Change: Sendable {
        let entry: Entry
        /// Where it is, or is to be.
        let place: String
        /// Database that is there now.
        let present: DatabaseFile?
        var how: How
        /// What is there cannot be read, and is moved aside unread.
        var isUnreadable = false
        /// What is remembered of it, in case that it has to stay as it is.
        var known: FileIndex.Entry?
        /// Common base of a merge; `nil` if it is in no snapshot.
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
    var remarks = Remarks()
    /// Why databases cannot be compared.
    var causes: [RelativePath: any Error] = [:]
    var problems: [SyncResult.Problem] = []
    var warnings: [String] = []
}

/// Compares the databases of a snapshot with those here, by the rules that hold for files.
struct DatabaseComparison: Sendable {
    let workspace: Workspace
    let comparison: Comparison
    /// Where both sides of a merge come from.
    let origin: LocalState.Base?
    /// Databases that a push found without most of their sessions.
    var missing = HeldPaths()

    /// An image is made of a database that changed here, to see whether the snapshot has the same.
    /// - Parameters:
    ///   - entries: the snapshot's databases.
    ///   - absences: how the snapshot's lack of a database counts.
    /// - Throws: ``FileError``, `CancellationError`.
    func plan(_ entries: [Entry], absences: AbsenceRule = AbsenceRule(.absent)) async throws -> DatabasePlan {
        var plan = DatabasePlan()
        let known = comparison.base.files?.index.entries.filter { DatabaseEntries.contains($0.path) } ?? []
        guard !entries.isEmpty || !known.isEmpty else { return plan }
        let found = try await workspace.databases()
        for entry in entries { try await compare(entry, found, &plan) }
        let stored = Set(entries.map(\.path))
        for old in known where !stored.contains(old.path) {
            let present = found.databases.first { DatabaseEntries.path(of: $0.name) == old.path }
            var here = present.map { PathVersion.content(nil, modified: $0.modified) } ?? .absent
            if present == nil, found.otherNames.contains(where: { DatabaseEntries.path(of: $0) == old.path }) {
                here = .unusable(.unknown)
            }
            let ruling = comparison.ruling(of: old.path, here: here, store: absences.version(of: old.path))
            guard comparison.base.state == .same, ruling.outcome != .nothing else { continue }
            // A file may follow the store; whoever wants a database gone can remove it.
            plan.warnings.append("the snapshot has no database '\(old.path)' any more; the one here stays")
        }
        plan.remarks.sort()
        return plan
    }

    private func compare(_ entry: Entry, _ found: DatabaseScan.Found, _ plan: inout DatabasePlan) async throws {
        let (storage, named) = (workspace.storage, workspace.databaseOptions.named)
        guard let name = DatabaseEntries.name(at: entry.path, named: named) else {
            plan.problems.append(
                SyncResult.Problem(
                    path: "\(entry.path)", reason: "it is called like no database of the agent here",
                    hint: "Set OPENCODE_DB to a name if the agent opens it under that."))
            return
        }
        guard !workspace.leavesOut(database: entry.path) else { return leaveOut(entry, &plan) }
        let present = found.databases.first { $0.name == name }
        let problem = found.problems.first { $0.name == name }
        let place = present?.path ?? problem?.path ?? DatabaseScan.path(of: name, beside: storage, named: named)
        let known = present.flatMap { comparison.base.files?.known($0) }
        let here: PathVersion
        if let present {
            here = try await version(of: present, known, entry, &plan)
        } else if let problem {
            // Something is there that cannot be a database, such as an encrypted one.
            plan.causes[entry.path] = problem.cause
            here = .unusable(PathState(unreadableDatabase: problem.cause))
        } else {
            here = .absent
        }
        var ruling = comparison.ruling(
            of: entry.path, here: here, store: .content(entry.digest, modified: entry.modified))
        if problem?.cause.kind == .link, ruling.outcome == .replace {
            // Where a link leads is not for a store to decide, whatever the operation.
            ruling = Ruling(outcome: .stop, reason: .unreadableHere, exit: .mayPass)
        }
        plan.remarks.add(ruling, entry.path)
        func change(_ how: DatabasePlan.How, base: Entry? = nil) {
            let cause = plan.causes[entry.path]
            if let cause { plan.warnings.append("\(Failure(cause).message); the store's version takes its place") }
            let kind = (cause as? UnreadableDatabase)?.kind
            plan.changes.append(
                DatabasePlan.Change(
                    entry: entry, place: place, present: present, how: how,
                    isUnreadable: kind.map { $0 != .locked } ?? false,
                    known: comparison.base.files?.index.entry(entry.path), base: base))
        }
        switch ruling.outcome {
        case .keep where missing.contains(entry.path) && present != nil && here.isReadable:
            // As files that are missing here, they come back.
            change(.merge)
            plan.warnings.append("sessions that were missing in '\(entry.path)' are back; holdfast push saves removals")
        case .nothing, .keep: plan.index.append(kept(entry, present, known, here))
        case .take: change(.replace, base: try await workspace.origin(of: entry.path, origin))
        case .replace: change(.overrule)
        case .merge: change(.merge, base: try await workspace.origin(of: entry.path, origin))
        case .skip:
            if let cause = plan.causes[entry.path] { plan.warnings.append(Self.words(cause)) }
            keepKnown(entry, &plan)
        case .stop, .remove, .discard, .fallBack, .save, .saveRemoval, .keepStored: break
        }
    }

    private static func words(_ cause: any Error) -> String {
        let failure = Failure(cause)
        return "\(failure.message); it stays as it is" + (failure.hint.map { ". \($0)" } ?? "")
    }

    /// The rules leave the database out: neither side is touched.
    private func leaveOut(_ entry: Entry, _ plan: inout DatabasePlan) {
        let ruling = comparison.ruling(
            of: entry.path, here: .unusable(.outOfScope), store: .content(entry.digest, modified: entry.modified))
        plan.remarks.add(ruling, entry.path)
        keepKnown(entry, &plan)
    }

    /// Nothing was compared: what was known before stays.
    private func keepKnown(_ entry: Entry, _ plan: inout DatabasePlan) {
        if let old = comparison.base.files?.index.entry(entry.path) { plan.index.append(old) }
    }

    private func version(
        of database: DatabaseFile, _ known: FileIndex.Entry?, _ entry: Entry, _ plan: inout DatabasePlan
    ) async throws -> PathVersion {
        if let known { return .content(known.sha256, modified: database.modified) }
        do {
            let image = try await workspace.image(of: database)
            let digest = try await FileIO.run { try Digest(of: image.file) }
            // What the store has, or had, is whole.
            let isStored =
                digest == entry.digest
                || comparison.base.version(of: entry.path, here: digest)?.sha256 == digest
            if !isStored {
                try await FileIO.run {
                    do { _ = try image.check() } catch { throw database.explain(error) }
                }
            }
            return .content(digest, modified: database.modified)
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            workspace.logger.warning(
                "A database cannot be read", metadata: ["path": "\(database.path)", "error": "\(error)"])
            plan.causes[entry.path] = error
            return .unusable(PathState(unreadableDatabase: error))
        }
    }

    /// Index entry of a database that stays.
    private func kept(
        _ entry: Entry, _ present: DatabaseFile?, _ known: FileIndex.Entry?, _ here: PathVersion
    ) -> FileIndex.Entry {
        if let known, known.sha256 == entry.digest { return known }
        var isSame = false
        if case .content(entry.digest, _) = here { isSame = true }
        return FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified,
            changed: isSame ? present?.changed ?? 0 : 0, inode: isSame ? present?.fingerprint ?? 0 : 0,
            sha256: entry.digest)
    }
}

extension PathState {
    /// State of a database here that could not be read.
    init(unreadableDatabase error: any Error) {
        switch error {
        case let error as UnreadableDatabase:
            self =
                switch error.kind {
                case .malformed: .damaged
                case .notADatabase, .denied, .link: .refused
                case .locked, .unreadable: .unknown
                }
        case is DatabaseDamage: self = .damaged
        default: self = .unknown
        }
    }
}

extension Workspace {
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
}
