import NIOCore
import ObjectStore

/// Keeps account of what was promised, and checks after every step whether it holds.
package struct Ledger {
    /// Content that a save has promised to keep.
    struct Promise {
        let path: String
        let content: String
        let client: String
        /// Nobody but its author may write to the path, so it is in the newest state until somebody deletes it.
        let isMarker: Bool
    }

    private let kind: any RepositoryKind
    /// Whether every commit is kept for good.
    private let keepsAll: Bool
    /// Whether content may be spoiled on its way to a reader.
    private let mayBeSpoiled: Bool
    private var written: [ObjectKey: ByteBuffer] = [:]
    private var present: [ObjectKey: CommitFacts] = [:]
    /// Every commit that ever was, by its id.
    private var known: [String: CommitFacts] = [:]
    private var needed: [ObjectKey: Set<ObjectKey>] = [:]
    /// Which commits hold a content. Only copies have the same.
    private var holders: [String: [ObjectKey]] = [:]
    private(set) var promises: [Promise] = []
    /// Paths whose deletion somebody has tried to save.
    private var mayBeGone: Set<String> = []
    /// Which clients are going back to which commit.
    private var rollbacks: [Int: CommitFacts] = [:]
    /// Heads, as of the last change.
    private(set) var heads: [CommitFacts] = []
    private var headsAreStale = false
    private var promisesAreUnchecked = false
    private(set) var counts = Counts()

    /// What a simulation has seen, so that one that sees nothing is noticed.
    package struct Counts: Sendable {
        package var commits = 0
        package var merges = 0
        package var forks = 0
        package var promises = 0
        package var restores = 0
        package var prunedCommits = 0
        package var prunedPacks = 0
    }

    init(kind: any RepositoryKind, scenario: Scenario) {
        self.kind = kind
        keepsAll = scenario.settings.keepLast == nil
        mayBeSpoiled = scenario.plan.cutShort + scenario.plan.wrongByte > 0
    }

    // MARK: What processes report

    mutating func promise(_ promises: [Promise]) {
        self.promises += promises
        counts.promises += promises.count
        promisesAreUnchecked = true
    }

    mutating func deletes(_ path: String) { mayBeGone.insert(path) }

    /// A client begins to go back to a snapshot, or has ended with it: what exists meanwhile and is not in that snapshot may
    /// be gone after it.
    /// - Parameter id: `nil` at the end.
    mutating func rollsBack(_ client: Int, to id: String?) {
        rollbacks[client] = id.flatMap { known[$0] }
        for facts in known.values { excuse(facts) }
    }

    private mutating func excuse(_ facts: CommitFacts) {
        for target in rollbacks.values {
            for path in facts.files.keys where target.files[path] == nil { mayBeGone.insert(path) }
        }
    }

    /// - Throws: ``Violation`` unless the files are those of exactly that commit.
    mutating func restored(_ tree: RestoredTree, by client: String) throws(Violation) {
        counts.restores += 1
        guard let facts = known[tree.id] else {
            throw Violation("\(client) restored a snapshot \(tree.id.prefix(12)) that is no commit")
        }
        let files = tree.files.mapValues(\.content)
        guard files == facts.files else {
            throw Violation(
                "\(client) restored \(shortened(facts.key.text)), but its files are not those of the commit: "
                    + difference(files, facts.files))
        }
        guard tree.damaged.isEmpty || mayBeSpoiled else {
            throw Violation("\(client) took for damaged what is not: \(tree.damaged)")
        }
    }

    // MARK: What is in the store

    /// Takes in what has changed in the store, and checks every promise.
    mutating func check(_ changes: [Bucket.Change], in bucket: Bucket) throws(Violation) {
        for change in changes {
            switch change {
            case .written(let key): try wrote(key, in: bucket)
            case .removed(let key): try removed(key)
            }
        }
        if headsAreStale {
            do { heads = try kind.heads(of: present.keys.sorted().compactMap { present[$0] }, in: bucket) } catch {
                throw Violation("the heads cannot be read: \(error)")
            }
            if heads.count > 1 { counts.forks += 1 }
        }
        if headsAreStale || promisesAreUnchecked { try checkPromises() }
        (headsAreStale, promisesAreUnchecked) = (false, false)
    }

    private mutating func wrote(_ key: ObjectKey, in bucket: Bucket) throws(Violation) {
        // A naive repository has an object that says which commit is the newest.
        if key.text.contains("/commits/") || key.text.hasSuffix("/head") { headsAreStale = true }
        guard key.text.contains("/packs/") || key.text.contains("/commits/") else { return }
        guard let content = bucket[key]?.content else { return }
        if let before = written[key], before != content { throw Violation("\(key) was changed") }
        written[key] = content
        do {
            guard let facts = try kind.facts(of: key, in: bucket) else { return }
            counts.commits += 1
            if facts.parents.count > 1 { counts.merges += 1 }
            present[key] = facts
            known[facts.id] = facts
            excuse(facts)
            for content in facts.files.values { holders[content, default: []].append(key) }
            for object in facts.needs {
                guard bucket[object] != nil else { throw Violation("\(object) is missing") }
                needed[object, default: []].insert(key)
            }
        } catch {
            throw Violation("commit \(shortened(key.text)) appeared before what it needs: \(error)")
        }
    }

    private mutating func removed(_ key: ObjectKey) throws(Violation) {
        if let facts = present.removeValue(forKey: key) {
            headsAreStale = true
            counts.prunedCommits += 1
            for object in facts.needs { needed[object]?.remove(key) }
        }
        if key.text.contains("/packs/") { counts.prunedPacks += 1 }
        if let users = needed[key], let first = users.min() {
            throw Violation("\(shortened(key.text)) was deleted, and commit \(shortened(first.text)) needs it")
        }
    }

    private func checkPromises() throws(Violation) {
        guard !promises.isEmpty else { return }
        if heads.isEmpty { throw Violation("no head is left, after \(promises.count) promises") }
        for promise in promises where promise.isMarker && !mayBeGone.contains(promise.path) {
            guard heads.contains(where: { $0.files[promise.path] == promise.content }) else {
                throw Violation("\(promise.path), saved by \(promise.client), is in no head")
            }
        }
        guard keepsAll else { return }
        let reachable = history()
        for promise in promises {
            guard holders[promise.content, default: []].contains(where: reachable.contains) else {
                throw Violation("'\(promise.content)' in \(promise.path), saved by \(promise.client), is unreachable")
            }
        }
    }

    /// The commits that can be reached from the heads.
    private func history() -> Set<ObjectKey> {
        var found: Set<ObjectKey> = []
        var open = heads
        while let next = open.popLast() {
            guard found.insert(next.key).inserted else { continue }
            open += next.parents.compactMap { present[$0] }
        }
        return found
    }

    /// Checks the end: one head that holds everything.
    func checkEnd() throws(Violation) {
        guard heads.count <= 1 else { throw Violation("\(heads.count) heads are left at the end") }
        for promise in promises where promise.isMarker && !mayBeGone.contains(promise.path) {
            guard heads.first?.files[promise.path] == promise.content else {
                throw Violation("\(promise.path), saved by \(promise.client), is not in the tip at the end")
            }
        }
    }
}

/// The first path in which two trees differ.
func difference(_ a: [String: String], _ b: [String: String]) -> String {
    for path in Set(a.keys).union(b.keys).sorted() where a[path] != b[path] {
        return "\(path) is \(a[path].map { "'\($0)'" } ?? "absent"), not \(b[path].map { "'\($0)'" } ?? "absent")"
    }
    return "no difference"
}
