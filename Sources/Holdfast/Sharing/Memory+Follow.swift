import AgentDatabase
import AgentFiles
import FileIO
import Logging
import ObjectStore
import Repository

extension Memory {
    /// What is remembered of following: apart from what a push or pull of the same memory remembers, since those may know a
    /// snapshot without having brought all of it here.
    private var followState: LocalState {
        LocalState(
            directory: options.stateDirectory, store: store.location, memory: "\(location.key)\0followed",
            storage: options.storage)
    }

    /// Adds to the storage directory, which belongs to another identity, what this memory has new since the last time.
    ///
    /// A file that is here and differs is replaced only if the one there is newer; the rows of a database are added to the
    /// live one, which its agent may have open. Nothing is removed, and what was removed here stays so until it changes
    /// there. Two that follow each other come to rest: every step takes over a later version, or something missing.
    ///
    /// Costs one listing if there is nothing new.
    /// - Parameter own: the memory that the storage directory belongs to. When a file there last changed is what its
    ///   snapshot says, as long as the content is the same: writing that again makes no new version, and the other side does
    ///   not see it.
    public func follow(into own: Memory) async -> SyncResult {
        await measured(meter) { result in
            let state = followState
            let remembered = await state.read()
            let heads = try await repository.heads(known: [remembered?.snapshot].compactMap(\.self))
            guard !heads.isEmpty else { return }
            if let remembered, heads.snapshots.map(\.id) == [remembered.snapshot.id] {
                result.describe(remembered.snapshot)
                return
            }
            let newest = try await repository.newest(heads: heads)
            report(newest.heads, &result)
            guard let tip = newest.tip, let manifest = newest.manifest else {
                throw RepositoryError(
                    .damaged, key: ObjectKey(location.key), "no snapshot of '\(location.key)' can be read",
                    hint: "Run holdfast verify to see what is damaged.")
            }
            var base = remembered
            if let known = remembered {
                let lineage = try await repository.lineage(of: known.snapshot, to: newest.heads)
                report(lineage, &result)
                if !lineage.isBase { base = nil }
            }
            try await add(tip, manifest, base, state, own, &result)
        }
    }

    private func add(
        _ snapshot: Snapshot, _ manifest: Manifest, _ base: LocalState.Base?, _ state: LocalState, _ own: Memory,
        _ result: inout SyncResult
    ) async throws {
        let takenAt = wallClock()
        let scan = try await StorageScan.scan(options.storage, exclusions: .onlyNeverStored)
        if let failure = scan.failures.first { throw failure.cause }
        let (entries, databases) = manifest.entries.divided()
        let digests = try await LocalDigests(storage: options.storage, base: base).digests(of: scan.files, for: entries)
        let restorable = RestorableFiles(entries, existing: scan.files.map(\.path))
        restorable.describe(to: &result, logger)
        let offered = restorable.allowed
        let times = try await own.savedTimes(of: Self.differing(scan.files, from: offered, digests))
        let plan = RestorePlan(
            following: offered, local: scan.files, digests: digests, savedTimes: times, base: base)
        result.describe(snapshot)
        var index = plan.index
        let restore = Restore(memory: self, plan: plan, ahead: nil)
        // Nothing is noted before: what a killed follow has brought is the same as what is to come.
        if let tree = try await restore.stage(&result) { index += try await restore.commit(tree, willChange: {}) }
        for entry in databases { index.append(try await add(entry, base, state, &result)) }
        try await state.write(snapshot, manifest, index, takenAt: takenAt, isMirrored: false)
    }

    /// When files here last changed by the snapshot that this machine knows, for those whose content is still what it has.
    private func savedTimes(of files: [StorageScan.ScannedFile]) async throws -> [RelativePath: Int64] {
        guard !files.isEmpty, let base = await localState.read(),
            let manifest = await localState.manifest(of: base.snapshot)
        else { return [:] }
        let paths = Set(files.map(\.path))
        let entries = manifest.entries.filter { paths.contains($0.path) }
        let digests = try await LocalDigests(storage: options.storage, base: base).digests(of: files, for: entries)
        let same = entries.filter { digests[$0.path] == $0.digest }
        return Dictionary(same.map { ($0.path, $0.modified) }) { first, _ in first }
    }

    /// The files that a snapshot has with other content.
    private static func differing(
        _ files: [StorageScan.ScannedFile], from entries: [Entry], _ digests: [RelativePath: Digest]
    ) -> [StorageScan.ScannedFile] {
        let offered = Dictionary(entries.map { ($0.path, $0.digest) }) { first, _ in first }
        return files.filter { file in offered[file.path].map { $0 != digests[file.path] } ?? false }
    }

    /// Adds the rows of one database.
    /// - Returns: what is to be remembered of it.
    private func add(
        _ entry: Entry, _ base: LocalState.Base?, _ state: LocalState, _ result: inout SyncResult
    ) async throws -> FileIndex.Entry {
        let done = FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0, sha256: entry.digest)
        guard base?.index.entry(entry.path)?.sha256 != entry.digest else { return done }
        guard let name = DatabaseEntries.name(at: entry.path, named: options.database) else { return done }
        guard let present = try await self.databases().databases.first(where: { $0.name == name }) else {
            let place = DatabaseScan.path(of: name, beside: options.storage, named: options.database)
            var plan = DatabasePlan()
            plan.changes = [DatabasePlan.Change(entry: entry, place: place, present: nil, how: .replace)]
            let restore = try await DatabaseRestore.stage(plan, self, takenAt: wallClock(), &result)
            do {
                try await restore.lock(force: false)
                _ = try await restore.commit()
            } catch {
                await restore.abandon()
                throw error
            }
            return done
        }
        let union = try await FileIO.run { try DatabaseUnion() }
        let origin = try await self.origin(of: entry.path, base)
        let files = try await FileIO.run {
            (theirs: try union.file(for: .ours), base: origin == nil ? nil : try union.file(for: .base))
        }
        let image = FollowedImage(memory: self, path: state.path(ofImage: name))
        try await image.fetch(entry, into: files.theirs, origin: origin, into: files.base)
        // Before it gets the paths of this machine.
        await image.keep(files.theirs)
        let (rebase, checkout) = (options.rebase, await options.checkout())
        let addition = try await FileIO.run { cancellation in
            try union.add(to: present, hasBase: origin != nil, rebase: rebase, checkout: checkout, cancellation)
        }
        result.warnings += addition.warnings.map { "\(entry.path): \($0)" }
        if !addition.schemaDifferences.isEmpty {
            result.warnings.append(
                "the database '\(entry.path)' has one schema here and another there; its rows were not taken over "
                    + "(\(addition.schemaDifferences.joined(separator: "; ")))")
        }
        if addition.rows > 0 { result.transferredObjects += 1 }
        return done
    }
}

extension RestorePlan {
    /// What to take over from the memory of another identity. Of two versions the later one stays, on both sides the same
    /// one; nothing is removed.
    ///
    ///     here                     | there         | outcome
    ///     missing, had it before   | as it was     | it stays away: it was removed here
    ///     missing                  | any other     | fetch
    ///     differs                  | as it was     | it stays
    ///     differs, is older        | newer         | fetch
    ///     differs, is newer        | any           | it stays
    ///
    /// - Parameters:
    ///   - entries: the snapshot's files that may be written here.
    ///   - local: all files that are here.
    ///   - digests: of local files whose content is known.
    ///   - savedTimes: when local files changed, where the file itself does not tell.
    ///   - base: what the other memory had the last time.
    init(
        following entries: [Entry], local: [StorageScan.ScannedFile], digests: [RelativePath: Digest],
        savedTimes: [RelativePath: Int64], base: LocalState.Base?
    ) {
        self.init([], local: local, digests: digests, base: nil, policy: .newerWins)
        let here = Dictionary(local.map { ($0.path, $0.status) }) { first, _ in first }
        for entry in entries {
            let before = base?.index.entry(entry.path)
            // Content that went away and came back is a new version, with a later time.
            let isAsBefore = before?.sha256 == entry.digest && before?.modified == entry.modified
            guard let status = here[entry.path] else {
                if isAsBefore {
                    keep(entry)
                } else {
                    fetches.append(Fetch(entry: entry, expected: .nothing))
                }
                continue
            }
            let digest = digests[entry.path]
            let time = savedTimes[entry.path] ?? status.modified
            if digest == entry.digest, status.size == entry.size {
                index.append(
                    FileIndex.Entry(
                        path: entry.path, size: entry.size, modified: entry.modified, changed: status.changed,
                        inode: status.inode, sha256: entry.digest))
            } else if !isAsBefore, entry.isLater(than: (time, status.size, digest)) {
                if digest == nil || digest != before?.sha256 { overruled.append(entry.path) }
                fetches.append(Fetch(entry: entry, expected: .unchanged(status)))
            } else {
                keep(entry)
            }
        }
    }
}

extension Entry {
    /// An order of all versions of a file that is the same on every machine.
    /// - Parameter here: the file here: the time of its last change, its size, its digest, which is known if the sizes are
    ///   equal.
    fileprivate func isLater(than here: (modified: Int64, size: Int64, digest: Digest?)) -> Bool {
        if modified != here.modified { return modified > here.modified }
        if size != here.size { return size > here.size }
        return here.digest.map { $0 < digest } ?? false
    }
}
