import NIOCore
import ObjectStore

/// Keeps account of what was promised, and checks after every step whether it holds.
///
/// It knows every commit as it was written, whatever has become of it since, and the real graph of what continues what.
package struct Ledger {
    /// Content that a save has promised to keep.
    struct Promise {
        let path: String
        let content: String
        let client: String
        /// Nobody but its author may write to the path, so it is in the newest state until somebody deletes it.
        let isMarker: Bool
    }

    let kind: any RepositoryKind
    /// How many snapshots a prune keeps; `nil` if every one.
    let keepLast: Int?
    /// Whether some versions cannot be merged, so that several heads may stay.
    private let refusesMerges: Bool
    private var written: [ObjectKey: ByteBuffer] = [:]
    /// The commits that are in the store, damaged ones too.
    private(set) var present: [ObjectKey: CommitFacts] = [:]
    /// Every commit that ever was, by its id and by its key.
    private(set) var known: [String: CommitFacts] = [:]
    private(set) var byKey: [ObjectKey: CommitFacts] = [:]
    /// All that each commit continues, directly or not.
    private(set) var pasts: [ObjectKey: Set<ObjectKey>] = [:]
    /// The step in which each commit was written.
    private(set) var since: [ObjectKey: Int] = [:]
    private(set) var damaged: Set<ObjectKey> = []
    /// Whether any commit was ever damaged.
    private var hadDamagedCommits = false
    /// The commits of which a reader did not know at the last look whether a head contains them.
    private var unproven: Set<ObjectKey> = []
    private var needed: [ObjectKey: Set<ObjectKey>] = [:]
    /// Which commits hold a line of content. Only copies have the same.
    private var holders: [Substring: [ObjectKey]] = [:]
    private(set) var promises: [Promise] = []
    /// Paths whose deletion somebody has tried to save, and those that were lost by damage that nobody repaired in time.
    private var mayBeGone: Set<String> = []
    /// Commits that the store lost for good, and the lines that were in them.
    private var lost: Set<ObjectKey> = []
    private var lostLines: Set<Substring> = []
    /// What was removed on which machine: what was in each file, and what had been there before.
    private(set) var deletions: [String: [String: Set<String>]] = [:]
    /// Paths that a snapshot lacks to which somebody went back.
    private(set) var rolledBack: Set<String> = []
    /// The machine that a client works on.
    private var machines: [Int: String] = [:]
    /// Which clients are going back to which commit.
    private(set) var rollbacks: [Int: CommitFacts] = [:]
    /// The commits that each client ever went back to: a write that seemed to fail may take effect later.
    private(set) var pastRollbacks: [Int: [CommitFacts]] = [:]
    /// The commits that no other one in the store continues, damaged ones too.
    private var tips: [CommitFacts] = []
    private var headsAreStale = false
    private var promisesAreUnchecked = false
    var counts = Counts()

    init(kind: any RepositoryKind, scenario: Scenario) {
        self.kind = kind
        keepLast = scenario.settings.keepLast
        refusesMerges = scenario.settings.merging == .refused
    }

    // MARK: What processes report

    mutating func promise(_ promises: [Promise]) {
        // What came into a commit that is lost may be nowhere else.
        let kept = promises.filter { lostLines.isDisjoint(with: lines($0.content)) }
        self.promises += kept
        counts.promises += kept.count
        promisesAreUnchecked = true
    }

    mutating func works(_ client: Int, on machine: String) { machines[client] = machine }

    mutating func deletes(_ deletion: Deletion) {
        mayBeGone.insert(deletion.path)
        deletions[deletion.machine, default: [:]][deletion.path, default: []].formUnion(deletion.contents)
    }

    /// A client begins to go back to a snapshot, or has ended with it: what exists meanwhile and is not in that snapshot may
    /// be gone after it.
    /// - Parameter id: `nil` at the end.
    mutating func rollsBack(_ client: Int, to id: String?) {
        rollbacks[client] = id.flatMap { known[$0] }
        if let target = rollbacks[client] { pastRollbacks[client, default: []].append(target) }
        for facts in known.values { excuse(facts) }
    }

    private mutating func excuse(_ facts: CommitFacts) {
        for target in rollbacks.values {
            for path in facts.files.keys where target.files[path] == nil {
                mayBeGone.insert(path)
                rolledBack.insert(path)
            }
        }
    }

    // MARK: What is in the store

    /// Takes in what has changed in the store, and checks every promise.
    mutating func check(_ changes: [Bucket.Change], in bucket: Bucket, step: Int) throws(Violation) {
        for change in changes {
            switch change {
            case .written(let write): try wrote(write, in: bucket, step)
            case .removed(let key, let troubled): try removed(key, troubled)
            case .damaged(let key):
                damaged.insert(key)
                if byKey[key] != nil { hadDamagedCommits = true }
                counts.damages += 1
                headsAreStale = true
            case .repaired(let key):
                damaged.remove(key)
                headsAreStale = true
            case .lost(let key): loses(key)
            }
        }
        if headsAreStale {
            tips = maximal(present.values.filter { !$0.isSide })
            try checkHeads(in: bucket)
            if tips.count > 1 { counts.forks += 1 }
        }
        if headsAreStale || promisesAreUnchecked { try checkPromises() }
        (headsAreStale, promisesAreUnchecked) = (false, false)
    }

    private mutating func wrote(_ write: Write, in bucket: Bucket, _ step: Int) throws(Violation) {
        let key = write.key
        // A naive repository has an object that says which commit is the newest.
        if key.text.contains("/commits/") || key.text.hasSuffix("/head") { headsAreStale = true }
        guard key.text.contains("/packs/") || key.text.contains("/commits/") else { return }
        guard let content = bucket[key]?.content else { return }
        if let before = written[key], before != content { throw Violation("\(key) was changed") }
        written[key] = content
        let facts: CommitFacts
        do {
            guard let read = try kind.facts(of: key, in: bucket) else { return }
            facts = read
            for object in facts.needs where bucket[object] == nil { throw Violation("\(object) is missing") }
        } catch {
            throw Violation("commit \(shortened(key.text)) appeared before what it needs: \(error)")
        }
        counts.commits += 1
        if facts.parents.count > 1 { counts.merges += 1 }
        if facts.isSide { counts.sides += 1 }
        counts.passedOver += facts.passedOver.count
        pasts[key] = facts.parents.reduce(into: Set(facts.parents)) { $0.formUnion(pasts[$1] ?? []) }
        present[key] = facts
        known[facts.id] = facts
        byKey[key] = facts
        since[key] = step
        excuse(facts)
        for line in facts.files.values.flatMap(lines) { holders[line, default: []].append(key) }
        for object in facts.needs { needed[object, default: []].insert(key) }
        try checkCommit(facts, write, machine: machines[write.client])
    }

    private mutating func removed(_ key: ObjectKey, _ troubled: Set<ObjectKey>) throws(Violation) {
        headsAreStale = true
        if let facts = present.removeValue(forKey: key) {
            counts.prunedCommits += 1
            for object in facts.needs { needed[object]?.remove(key) }
            try checkPruned(facts, wasDamaged: isDamaged(facts) || troubled.contains(key))
        }
        damaged.remove(key)
        if key.text.contains("/packs/") { counts.prunedPacks += 1 }
        if let users = needed[key], let first = users.min() {
            throw Violation("\(shortened(key.text)) was deleted, and commit \(shortened(first.text)) needs it")
        }
    }

    /// What only that commit had is gone with it, until a machine that still has it saves; so is what only its sides have,
    /// to which nothing else leads.
    private mutating func loses(_ key: ObjectKey) {
        headsAreStale = true
        damaged.remove(key)
        guard let facts = present.removeValue(forKey: key) else { return }
        counts.lost += 1
        lost.insert(key)
        for object in facts.needs { needed[object]?.remove(key) }
        mayBeGone.formUnion(facts.files.keys)
        for gone in [facts] + facts.sides.compactMap({ byKey[$0] }) {
            lostLines.formUnion(gone.files.values.flatMap(lines))
        }
        promises.removeAll { !lostLines.isDisjoint(with: lines($0.content)) }
    }

    /// Checks that a commit that is gone was not to be kept.
    /// - Parameter wasDamaged: it could not be read when it was chosen.
    private mutating func checkPruned(_ facts: CommitFacts, wasDamaged: Bool) throws(Violation) {
        let name = shortened(facts.key.text)
        if facts.isSide {
            // Of a merge that cannot be read nobody knows which sides it has.
            let merges = present.values.filter { $0.sides.contains(facts.key) && !damaged.contains($0.key) }
            if let merge = merges.map(\.key).min() {
                throw Violation("side commit \(name) was deleted before \(shortened(merge.text)), which names it")
            }
            return
        }
        guard let keepLast else { throw Violation("commit \(name) was deleted, and all were to be kept") }
        let newer = present.values.count { !$0.isSide && $0.key < facts.key } + lost.count { $0 < facts.key }
        guard newer >= keepLast else {
            throw Violation("commit \(name) was deleted, and only \(newer) newer ones are there")
        }
        // Nobody has repaired it before the policy let it go.
        if tips.contains(where: { $0.key == facts.key }) {
            // Nothing continues it any more.
            let wasContinued = lost.contains { pasts[$0]?.contains(facts.key) == true }
            guard wasDamaged || wasContinued else {
                throw Violation("commit \(name) was deleted, and no other one continues it")
            }
            mayBeGone.formUnion(facts.files.keys)
            counts.lostToDamage += 1
        }
    }

    // MARK: Heads

    /// Those that none of the others continues, whatever lies between them.
    private func maximal(_ commits: some Sequence<CommitFacts>) -> [CommitFacts] {
        var found: [CommitFacts] = []
        var continued: Set<ObjectKey> = []
        let sizes = commits.map { ($0, pasts[$0.key]?.count ?? 0) }
        for (facts, _) in sizes.sorted(by: { ($1.1, $0.0.key) < ($0.1, $1.0.key) })
        where !continued.contains(facts.key) {
            found.append(facts)
            continued.formUnion(pasts[facts.key] ?? [])
        }
        return found
    }

    /// Checks that readers start from what nothing continues, and from nothing else.
    private mutating func checkHeads(in bucket: Bucket) throws(Violation) {
        let readable = present.values.filter { !damaged.contains($0.key) }
        let seen: HeadsSeen
        do { seen = try kind.heads(of: readable.sorted { $0.key < $1.key }, in: bucket) } catch {
            throw Violation("the heads cannot be read: \(error)")
        }
        unproven = Set(seen.unproven)
        let expected = Set(maximal(readable.filter { !$0.isSide }).map(\.key))
        if let hidden = expected.subtracting(seen.heads).subtracting(seen.unproven).min() {
            throw Violation("commit \(shortened(hidden.text)) is in no head, and is none")
        }
        for key in seen.heads where !expected.contains(key) {
            // Where nothing else is left, the own state of one side of a merge is better than nothing.
            if expected.isEmpty, byKey[key]?.isSide == true { continue }
            throw Violation("commit \(shortened(key.text)) is taken for a head, and another one continues it")
        }
        if let whole = seen.damaged.first(where: { !damaged.contains($0) }) {
            throw Violation("commit \(shortened(whole.text)) is taken for damaged, and is not")
        }
        // In a history that is longer than the lists, a pruned commit may have been all that led to an older one; so may one
        // that was passed over while it was damaged.
        if let unproven = seen.unproven.first, lost.isEmpty, !hadDamagedCommits, byKey.count < kind.ancestorLimit {
            throw Violation(
                "it is unknown whether commit \(shortened(unproven.text)) is a head, and nothing is damaged")
        }
    }

    /// Whether a commit, or something that it needs, is damaged now.
    func isDamaged(_ facts: CommitFacts) -> Bool {
        damaged.contains(facts.key) || facts.needs.contains(where: damaged.contains)
    }

    // MARK: Promises

    private func checkPromises() throws(Violation) {
        guard !promises.isEmpty else { return }
        if tips.isEmpty, lost.isEmpty { throw Violation("no head is left, after \(promises.count) promises") }
        for promise in promises where promise.isMarker && !mayBeGone.contains(promise.path) {
            guard tips.contains(where: { $0.files[promise.path] == promise.content }) else {
                throw Violation("\(promise.path), saved by \(promise.client), is in no head")
            }
        }
        guard keepLast == nil else { return }
        let reachable = history()
        for promise in promises {
            for line in lines(promise.content) {
                guard holders[line, default: []].contains(where: reachable.contains) else {
                    throw Violation("'\(line)' in \(promise.path), saved by \(promise.client), is unreachable")
                }
            }
        }
    }

    /// The commits that can be reached from the heads.
    private func history() -> Set<ObjectKey> {
        var found: Set<ObjectKey> = []
        var open = tips
        while let next = open.popLast() {
            guard found.insert(next.key).inserted else { continue }
            open += next.parents.compactMap { present[$0] }
        }
        return found
    }

    /// Checks the end, with nothing damaged any more: one head that holds everything, and one memory.
    func checkEnd() throws(Violation) {
        // One of which it is unknown whether the tip contains it is never merged.
        let proven = tips.filter { !unproven.contains($0.key) }
        guard proven.count <= 1 || refusesMerges else { throw Violation("\(proven.count) heads are left at the end") }
        for promise in promises where promise.isMarker && !mayBeGone.contains(promise.path) {
            guard tips.contains(where: { $0.files[promise.path] == promise.content }) else {
                throw Violation("\(promise.path), saved by \(promise.client), is not in the tip at the end")
            }
        }
    }

    /// Whether a snapshot is there that could be restored.
    var isSomethingWhole: Bool { present.values.contains { !$0.isSide && !isDamaged($0) } }
}

/// A file's content may be put together from several versions.
func lines(_ content: String) -> [Substring] { content.split(separator: "\n") }

/// The first path in which two trees differ.
func difference(_ a: [String: String], _ b: [String: String]) -> String {
    for path in Set(a.keys).union(b.keys).sorted() where a[path] != b[path] {
        return "\(path) is \(a[path].map { "'\($0)'" } ?? "absent"), not \(b[path].map { "'\($0)'" } ?? "absent")"
    }
    return "no difference"
}
