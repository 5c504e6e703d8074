import ObjectStore

/// What a commit says of others, and what it leaves out.
extension Ledger {
    /// - Parameter machine: of the client that has written it, if it has one.
    func checkCommit(_ facts: CommitFacts, _ write: Write, machine: String?) throws(Violation) {
        let name = "commit \(shortened(facts.key.text))"
        for parent in facts.parents where byKey[parent] == nil {
            throw Violation("\(name) continues \(shortened(parent.text)), which never was")
        }
        try checkAncestors(facts, name)
        try checkPassedOver(facts, write, name)
        if let first = facts.parents.first.flatMap({ byKey[$0] }), first.memory != facts.memory {
            throw Violation("\(name) has another memory id than the one that it continues")
        }
        for parent in facts.parents.compactMap({ byKey[$0] }) {
            for (path, content) in parent.files.sorted(by: { $0.key < $1.key }) where facts.files[path] == nil {
                guard isRemoved(path, content, by: facts, write.client, machine) else {
                    throw Violation("\(name) lacks \(path) of \(shortened(parent.key.text)), which nobody has deleted")
                }
            }
        }
    }

    /// Checks that the ancestors are the newest commits that the commit contains, and no others.
    private func checkAncestors(_ facts: CommitFacts, _ name: String) throws(Violation) {
        guard let ancestors = facts.ancestors else { return }
        let past = pasts[facts.key] ?? []
        for (key, hash) in ancestors.sorted(by: { $0.key < $1.key }) {
            guard past.contains(key) else {
                throw Violation("\(name) names \(shortened(key.text)) as an ancestor, and does not continue it")
            }
            guard byKey[key]?.id.hasPrefix(hash) == true else {
                throw Violation("\(name) names \(shortened(key.text)) with another hash")
            }
        }
        let newest = past.count > kind.ancestorLimit ? Set(past.sorted().prefix(kind.ancestorLimit)) : past
        if let missing = newest.subtracting(ancestors.keys).min() {
            throw Violation("\(name) does not name its ancestor \(shortened(missing.text))")
        }
    }

    private func checkPassedOver(_ facts: CommitFacts, _ write: Write, _ name: String) throws(Violation) {
        for (key, reason) in facts.passedOver.sorted(by: { $0.key < $1.key }) {
            let other = shortened(key.text)
            if pasts[facts.key]?.contains(key) == true {
                throw Violation("\(name) passes over \(other), and continues it")
            }
            let touched = [key] + (byKey[key]?.needs ?? [])
            switch reason {
            case "damaged" where touched.contains(where: write.troubled.contains): break
            case "unmergeable": break
            // A commit repeats what its parents have passed over and it does not contain.
            case _ where facts.parents.contains { byKey[$0]?.passedOver[key] == reason }: break
            default: throw Violation("\(name) passes over \(other) as \(reason), which it is not")
            }
        }
    }

    /// Whether a commit may lack a version of a file that a commit has that it continues.
    private func isRemoved(
        _ path: String, _ content: String, by facts: CommitFacts, _ client: Int, _ machine: String?
    ) -> Bool {
        if let machine, isDeleted(path, content, on: machine) { return true }
        if pastRollbacks[client, default: []].contains(where: { $0.files[path] == nil }) { return true }
        // Another commit, which was merged, has removed this very version, or one that came after it.
        let later = successors(of: content, at: path)
        return byKey.values.contains { other in
            other.files[path] == nil && other.key != facts.key
                && pasts[other.key]?.contains { byKey[$0]?.files[path].map(later.contains) == true } == true
        }
    }

    /// Whether a version of a file, or one that came after it, was deleted on a machine; on any if `nil`.
    func isDeleted(_ path: String, _ content: String, on machine: String?) -> Bool {
        let all = machine.map { [deletions[$0]] } ?? deletions.values.map { $0 }
        let deleted = all.compactMap { $0?[path] }.reduce(into: Set()) { $0.formUnion($1) }
        if deleted.isEmpty { return false }
        if deleted.contains(content) { return true }
        let parts = Set(lines(content))
        if deleted.contains(where: { parts.isSubset(of: lines($0)) }) { return true }
        return !deleted.isDisjoint(with: successors(of: content, at: path))
    }

    /// The versions of a file that a version has become or lost against, those that these became, and so on; itself
    /// included.
    private func successors(of content: String, at path: String) -> Set<String> {
        var found: Set = [content]
        while true {
            let next = byKey.values.filter { commit in
                commit.files[path].map { !found.contains($0) } == true
                    && pasts[commit.key]?.contains { byKey[$0]?.files[path].map(found.contains) == true } == true
            }.compactMap { $0.files[path] }
            guard !next.isEmpty else { return found }
            found.formUnion(next)
        }
    }
}
