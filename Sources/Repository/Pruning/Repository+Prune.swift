import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import ObjectStore

extension Repository {
    /// Removes snapshots that are not to be kept, and packs that no snapshot has needed for a while.
    ///
    /// It is safe beside running saves, without a lock. A save refers only to what the newest snapshots refer to, and to
    /// what it has uploaded itself, and gives up after half the grace. So a pack may go if it is older than the grace, if
    /// no commit refers to it, and if that was so in every prune since one that is a grace ago. All of this is by the
    /// store's clock. The newest snapshots and those younger than the grace always stay. While any commit is there that
    /// cannot be read, every pack stays, since that commit may need it.
    /// - Parameter dryRun: change nothing, and tell what would be done.
    /// - Throws: ``StoreError``; ``RepositoryError`` for a memory of another repository or a newer format.
    public func prune(_ policy: PrunePolicy, dryRun: Bool = false) async throws -> PruneReport {
        let began = environment.moment()
        let history = try await history()
        let (used, unreadable) = try await packsInUse(history.snapshots)
        let packs = try await store.list(prefix: packPrefix).collect()
        let unused = Set(packs.compactMap { pack(named: $0.key) }).subtracting(used.keys)

        // The mark is written even if it is empty: its time is the store's time of now.
        let own = dryRun ? nil : try await writeMark(unused)
        let marks = try await marks()
        let now = marks.last { $0.key == own }?.written ?? environment.now() * 1_000_000
        let threshold = now - policy.grace.nanoseconds

        // A save that was committed after the history was read began before half of the grace, as long as no more than the
        // other half has passed since: only then is what is unused in the history unused now.
        guard environment.age(of: began) < Self.longestSave else {
            throw RepositoryError(
                .tooSlow, "reading the history took more than \(Self.longestSave.components.seconds / 3600) hours",
                hint: "Run the command again. Nothing was deleted.")
        }

        let expired = try await expired(history, policy, now)
        var report = PruneReport()
        let removed = Set(expired.names)
        report.keptSnapshots =
            history.snapshots.count { !$0.commit.isSide && !removed.contains($0.name) }
            + history.damaged.count { !removed.contains($0.name) }
        report.removedSnapshots =
            history.snapshots.filter { removed.contains($0.name) }.map(\.shortID)
            + history.damaged.map(\.name).filter(removed.contains).map(\.description)
        report.failures += expired.unproven.map {
            "commit \($0) stays: it is unknown whether the newest snapshot contains it"
        }
        // The oldest first, so that what is left after a failure is connected.
        if !dryRun { report.failures += try await delete(expired.names.sorted(by: >).map(key(of:))) }

        // Of what these need, nothing is known.
        let mute =
            unreadable.map { "snapshot \($0) cannot be read" }
            + history.damaged.map { "commit \($0.name) cannot be read: \($0.reason)" }
        report.failures += mute.map { "no pack is removed while it is there: \($0)" }
        let seen = Self.seenUnused(marks, before: threshold)
        var deletable: [ObjectKey] = []
        for object in packs {
            guard let pack = pack(named: object.key) else { continue }
            if used[pack] != nil {
                report.neededPacks += 1
                report.neededBytes += object.size
            } else if mute.isEmpty, seen.contains(pack), (object.lastModified ?? now) <= threshold {
                report.removedPacks += 1
                report.removedBytes += object.size
                deletable.append(object.key)
            } else {
                report.markedPacks += 1
                report.markedBytes += object.size
            }
        }
        if !dryRun {
            report.failures += try await delete(deletable)
            try await tidy(marks, threshold)
        }
        return report
    }

    /// The packs that any commit refers to, and the snapshots of which that cannot be said.
    private func packsInUse(_ snapshots: [Snapshot]) async throws -> (packs: [Digest: Int64], unreadable: [String]) {
        let found = NIOLockedValueBox<([Digest: Int64], [String])>(([:], []))
        try await forEachConcurrently(snapshots, limit: concurrency) { snapshot in
            do {
                let packs = try await self.packs(of: snapshot)
                found.withLockedValue { found in
                    for use in packs where use.pack != Pack.own { found.0[use.pack] = use.size }
                    found.0[snapshot.commit.manifest.pack] = 0
                }
            } catch let error as RepositoryError {
                guard error.kind == .damaged else { throw error }
                found.withLockedValue { $0.1.append(snapshot.shortID) }
            }
        }
        return found.withLockedValue { ($0.0, $0.1.sorted()) }
    }

    /// The pack that a key names, if it is one that a pack has.
    func pack(named key: ObjectKey) -> Digest? {
        let name = key.text.utf8.dropFirst(packPrefix.utf8.count + 3)
        guard let pack = Digest(hex: String(decoding: name, as: UTF8.self)), self.key(ofPack: pack) == key else {
            return nil
        }
        return pack
    }

    /// The commits that the policy does not keep: those of snapshots, damaged ones that a later commit stands for, and side
    /// commits that no kept commit names.
    /// - Returns: also those that would go if it were known that a head contains them.
    private func expired(
        _ history: History, _ policy: PrunePolicy, _ now: Int64
    ) async throws -> (names: [CommitName], unproven: [CommitName]) {
        let newest = try await heads(known: history.snapshots)
        let heads = newest.snapshots
        let young = now - max(policy.keepWithin, policy.grace).nanoseconds
        func isOld(_ name: CommitName) -> Bool { (history.written[name] ?? now) <= young }
        let main = history.snapshots.filter { !$0.commit.isSide }
        let old = main.dropFirst(policy.keepLast).filter { snapshot in
            !heads.contains { $0.id == snapshot.id } && isOld(snapshot.name)
        }.map(\.name)
        let unproven = Set(old).intersection(newest.unproven)
        var removed = old.filter { !unproven.contains($0) }
        let oldestKept = main.count < policy.keepLast ? nil : main[policy.keepLast - 1].name
        // A side goes in a later prune than its merge, which may outlast this one. One that cannot be read may name any side,
        // and may be a side itself.
        let named = Set(main.flatMap(\.commit.sides).map(\.name))
        removed += history.damaged.map(\.name).filter { name in
            oldestKept.map { $0 < name } == true && isOld(name) && !named.contains(name)
                && heads.contains { $0.commit.standsFor(name) }
        }
        let sides = history.snapshots.filter { snapshot in
            snapshot.commit.isSide && history.damaged.isEmpty && !named.contains(snapshot.name) && isOld(snapshot.name)
                && !heads.contains { $0.id == snapshot.id }
        }.map(\.name)
        return (removed + sides, unproven.sorted())
    }

    /// The packs that were unused in every prune since one that lies before a time.
    private static func seenUnused(_ marks: [PruneMark.Stored], before threshold: Int64) -> Set<Digest> {
        guard let first = marks.lastIndex(where: { $0.written <= threshold }) else { return [] }
        return marks[(first + 1)...].reduce(marks[first].packs) { $0.intersection($1.packs) }
    }

    private func delete(_ keys: [ObjectKey]) async throws -> [String] {
        var failures: [String] = []
        let size = max(1, store.capabilities.deleteBatch)
        for start in stride(from: 0, to: keys.count, by: size) {
            let batch = Array(keys[start..<min(start + size, keys.count)])
            failures += try await store.delete(batch).map { failure in
                failure.error.hint.map { "\(failure.error.description); \($0)" } ?? failure.error.description
            }
        }
        return failures
    }

    /// Removes marks that a newer one makes useless, and what interrupted races left behind.
    private func tidy(_ marks: [PruneMark.Stored], _ threshold: Int64) async throws {
        var old: [ObjectKey] = []
        if let first = marks.lastIndex(where: { $0.written <= threshold }) { old = marks[..<first].map(\.key) }
        for probe in try await store.list(prefix: "\(memory)/probes/").collect() {
            if let written = probe.lastModified, written <= threshold { old.append(probe.key) }
        }
        for failure in try await delete(old) {
            logger.debug("Could not remove an old mark", metadata: ["error": "\(failure)"])
        }
    }
}

extension Commit {
    /// Whether the commit continues another one, or was made in spite of it.
    fileprivate func standsFor(_ name: CommitName) -> Bool {
        namedCommits.contains(name) || passedOver.contains { $0.name == name }
    }
}

extension Duration {
    /// Whole nanoseconds, within the range of 64 bits.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min / 4 : .max / 4) : product + attoseconds / 1_000_000_000
    }
}
