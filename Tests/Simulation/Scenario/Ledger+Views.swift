import ObjectStore

/// What machines see of the memory.
extension Ledger {
    /// - Throws: ``Violation`` unless the files are those of exactly that commit, and it is the newest that could be read.
    mutating func restored(_ tree: RestoredTree, by client: String, _ work: Circumstances) throws(Violation) {
        counts.restores += 1
        if !tree.damaged.isEmpty { counts.fallbacks += 1 }
        guard let facts = known[tree.id] else {
            throw Violation("\(client) restored a snapshot \(tree.id.prefix(12)) that is no commit")
        }
        let name = shortened(facts.key.text)
        let files = tree.files.mapValues(\.content)
        guard files == facts.files else {
            throw Violation(
                "\(client) restored \(name), but its files are not those of the commit: "
                    + difference(files, facts.files))
        }
        for key in tree.damaged.keys.sorted() where !wasTroubled(key, work) {
            throw Violation("\(client) took \(shortened(key.text)) for damaged, and it is not")
        }
        let newer = present.values.filter { newer in
            !newer.isSide && since[newer.key, default: .max] <= work.since
                && pasts[newer.key]?.contains(facts.key) == true && !wasTroubled(newer.key, work)
        }
        if let first = newer.map(\.key).min() {
            throw Violation("\(client) restored \(name), and \(shortened(first.text)), which continues it, was whole")
        }
    }

    /// Whether a commit, or something that it needs, may have looked damaged or absent.
    private func wasTroubled(_ key: ObjectKey, _ work: Circumstances) -> Bool {
        work.troubled.contains(key) || byKey[key]?.needs.contains(where: work.troubled.contains) == true
    }

    /// Checks that a pull has removed nothing from a machine but what was deleted elsewhere.
    func pulled(by client: String, _ before: Tree, _ after: Tree) throws(Violation) {
        for (path, file) in before.sorted(by: { $0.key < $1.key }) where after[path] == nil {
            guard mayBeRemoved(path, file.content) else {
                throw Violation("\(path) disappeared from \(client) by a pull, and nobody has deleted it")
            }
        }
    }

    /// Checks that a snapshot has all that was to be saved, but for what was deleted elsewhere.
    func saved(_ id: String, _ files: Tree, by client: String) throws(Violation) {
        guard let facts = known[id] else {
            throw Violation("\(client) saved a snapshot \(id.prefix(12)) that is no commit")
        }
        for (path, file) in files.sorted(by: { $0.key < $1.key }) where facts.files[path] == nil {
            guard mayBeRemoved(path, file.content) else {
                throw Violation(
                    "\(path) ('\(file.content)') was saved by \(client) and is not in \(shortened(facts.key.text))")
            }
        }
    }

    private func mayBeRemoved(_ path: String, _ content: String) -> Bool {
        rolledBack.contains(path) || isDeleted(path, content, on: nil)
    }

    /// Checks what is said to be damaged.
    /// - Parameter isCalm: nothing has happened meanwhile, so all that is damaged has to be among it.
    func verified(
        _ damages: [ObjectKey: String], by client: String, _ work: Circumstances, isCalm: Bool
    ) throws(Violation) {
        for (key, reason) in damages.sorted(by: { $0.key < $1.key }) where !work.troubled.contains(key) {
            throw Violation("\(client) found \(shortened(key.text)) damaged, which it is not: \(reason)")
        }
        guard isCalm else { return }
        for facts in present.values.sorted(by: { $0.key < $1.key }) {
            // Where the manifest is damaged, nobody knows what else the snapshot needs.
            let objects = damaged.contains(facts.key) ? [facts.key] : facts.needs.filter(damaged.contains)
            if let first = objects.first, !objects.contains(where: { damages[$0] != nil }) {
                throw Violation("\(client) found \(shortened(first.text)) whole, which is damaged")
            }
        }
    }
}
