import AgentFiles
import FileIO
import Repository

/// Steps that bring the files of a source here, decided by the truth table before anything is touched.
struct RestorePlan: Sendable {
    /// A file to fetch, and what must be at its path when it takes it.
    struct Fetch: Sendable {
        let file: OfferedFile
        let expected: StagedTree.Expectation

        /// The file as it will be, as far as that is known.
        var announced: FileIndex.Entry? {
            file.digest.map {
                FileIndex.Entry(
                    path: file.path, size: file.size, modified: file.modified ?? 0, changed: 0, inode: 0, sha256: $0)
            }
        }

        /// The file as it was restored; `nil` if its content is not known.
        /// - Parameter status: as it is now. Somebody may have written to it already: with the size and the time that it
        ///   was given, that shows.
        func restored(_ status: FileStatus?) -> FileIndex.Entry? {
            file.digest.map {
                FileIndex.Entry(
                    path: file.path, size: file.size, modified: file.modified ?? status?.modified ?? 0,
                    changed: status?.changed ?? 0, inode: status?.inode ?? 0, sha256: $0,
                    wasRestored: file.modified != nil)
            }
        }
    }

    /// A file to remove, and what must be at its path then.
    struct Removal: Sendable {
        let path: RelativePath
        let expected: StagedTree.Expectation
        /// What was the same here and in the source, if anything was.
        let known: FileIndex.Entry?
        /// It changed here since; its content is kept beside.
        let isDiscard: Bool
    }

    /// Paths that a source does not have.
    struct Absences: Sendable {
        /// All that it has, also those whose names must not be written here.
        let stored: Set<RelativePath>
        let rule: AbsenceRule
    }

    /// In the order of their paths.
    private(set) var fetches: [Fetch] = []
    private(set) var removals: [Removal] = []
    /// Files that are the same already, and files of the source that stay different here: the next push tells by these
    /// what changed.
    private(set) var index: [FileIndex.Entry] = []
    /// Files that are replaced or removed although the base does not have them; their content is kept beside.
    private(set) var quarantined: [RelativePath] = []
    private(set) var remarks = Remarks()

    private let comparison: Comparison
    private let operation: PathOperation

    /// - Parameters:
    ///   - offered: the source's files that may be written here.
    ///   - here: all files that are here.
    ///   - absences: what the source does not have; `nil` if it does not tell.
    ///   - savedTimes: when files here changed, where the file itself does not tell.
    init(
        _ offered: [OfferedFile], here: LocalObservation, comparison: Comparison, absences: Absences?,
        savedTimes: [RelativePath: Int64] = [:]
    ) {
        self.comparison = comparison
        operation = comparison.operation
        if here.isEmpty { fetches.reserveCapacity(offered.count) }
        for file in offered { plan(file, here, savedTimes) }
        if let absences { plan(absences, here) }
        remarks.sort()
    }

    private mutating func plan(_ file: OfferedFile, _ here: LocalObservation, _ savedTimes: [RelativePath: Int64]) {
        let version = here.version(of: file.path)
        let ruling = guarding(
            comparison.ruling(of: file.path, here: version, store: file.version), file.path, here)
        remarks.add(ruling, file.path)
        let status = here.status(of: file.path)
        switch ruling.outcome {
        case .nothing:
            guard let status, let digest = file.digest, case .content(digest, _) = version else { return keep(file) }
            index.append(
                FileIndex.Entry(
                    path: file.path, size: status.size,
                    // What another memory has is told from its next version by its own time.
                    modified: operation == .follow ? file.modified ?? status.modified : status.modified,
                    changed: status.changed, inode: status.inode, sha256: digest))
        case .keep: keep(file)
        case .take: fetch(file, status)
        case .replace: replace(file, status)
        case .merge:
            let time = savedTimes[file.path] ?? status?.modified ?? .min
            guard wins(file, over: time, here, status) else { return keep(file) }
            // A version that the followed memory had before is not lost.
            let isKnown = operation == .follow && isKnown(version, file.path)
            if isKnown { fetch(file, status) } else { replace(file, status) }
        case .skip:
            // Nothing was compared: what was known before stays.
            if let old = comparison.base.files?.index.entry(file.path) { index.append(old) }
        case .stop, .remove, .discard, .fallBack, .save, .saveRemoval, .keepStored: break
        }
    }

    /// A database with a log is neither replaced nor removed, whatever the operation.
    private func guarding(_ ruling: Ruling, _ path: RelativePath, _ here: LocalObservation) -> Ruling {
        guard here.hasLog(path), [.replace, .discard].contains(ruling.outcome) else { return ruling }
        return Ruling(outcome: .stop, reason: .unreadableHere, exit: .mayPass)
    }

    private func isKnown(_ version: PathVersion, _ path: RelativePath) -> Bool {
        guard case .content(let digest?, _) = version else { return false }
        return comparison.base.version(of: path, here: digest)?.sha256 == digest
    }

    /// Whether the source's version is the later one.
    private func wins(_ file: OfferedFile, over time: Int64, _ here: LocalObservation, _ status: FileStatus?) -> Bool {
        // Two that follow each other must agree on every pair; a pull takes the store's where the times are equal.
        if operation == .follow {
            return file.isLater(than: time, size: status?.size ?? 0, digest: here.digests[file.path])
        }
        return time <= file.modified ?? .max
    }

    private mutating func fetch(_ file: OfferedFile, _ status: FileStatus?) {
        fetches.append(Fetch(file: file, expected: status.map { .unchanged($0) } ?? .nothing))
    }

    private mutating func replace(_ file: OfferedFile, _ status: FileStatus?) {
        quarantined.append(file.path)
        // One that cannot be looked at has no status to compare with.
        fetches.append(Fetch(file: file, expected: status.map { .unchanged($0) } ?? .anything))
    }

    /// The file here stays. The index tells what the source has, under a status that no file has.
    private mutating func keep(_ file: OfferedFile) {
        if let digest = file.digest {
            index.append(
                FileIndex.Entry(
                    path: file.path, size: file.size, modified: file.modified ?? 0, changed: 0, inode: 0, sha256: digest
                ))
        } else if let old = comparison.base.files?.index.entry(file.path) {
            index.append(old)
        }
    }

    /// Makes room where a name is a file on one side and a directory on the other.
    mutating func settle(_ kinds: KindConflicts, _ here: LocalObservation) {
        for name in kinds.unresolved.sorted() {
            remarks.add(Ruling(outcome: .stop, reason: .conflict, exit: .mayPass), name)
        }
        for name in kinds.resolved.sorted() { remarks.add(Ruling(outcome: .merge, reason: .conflict), name) }
        let known = Set(removals.map(\.path))
        for path in kinds.displaced.sorted() where !known.contains(path) {
            quarantined.append(path)
            let status = here.status(of: path)
            removals.append(
                Removal(
                    path: path, expected: status.map { .unchanged($0) } ?? .anything,
                    known: comparison.base.files?.index.entry(path), isDiscard: true))
        }
        let gone = kinds.displaced
        index.removeAll { gone.contains($0.path) }
        for file in kinds.ceded.sorted(by: { $0.path < $1.path }) { keep(file) }
        remarks.sort()
    }

    /// Files that were the same and that the source does not have.
    private mutating func plan(_ absences: Absences, _ here: LocalObservation) {
        for old in comparison.base.versions(knowing: here.digests)
        where !absences.stored.contains(old.path) && !DatabaseEntries.contains(old.path) {
            let ruling = guarding(
                comparison.ruling(
                    of: old.path, here: here.version(of: old.path), store: absences.rule.version(of: old.path)),
                old.path, here)
            remarks.add(ruling, old.path)
            guard ruling.outcome == .remove || ruling.outcome == .discard else { continue }
            if ruling.outcome == .discard { quarantined.append(old.path) }
            let status = here.status(of: old.path)
            removals.append(
                Removal(
                    path: old.path, expected: status.map { .unchanged($0) } ?? .anything, known: old,
                    isDiscard: ruling.outcome == .discard))
        }
    }

    /// Leaves files here that would be removed. They stay known as what was the same, so that a push does not take them for
    /// new, and the next pull decides about them again.
    mutating func holdBack(_ paths: [RelativePath]) {
        let held = Set(paths)
        index += removals.filter { held.contains($0.path) }.compactMap(\.known)
        removals.removeAll { held.contains($0.path) }
    }

    /// Soundness of the files that are here once the plan is carried out.
    /// - Parameter here: all files that were here before.
    func check(_ here: LocalObservation) -> FileSoundness {
        let restored = StateCheck.check(fetches.lazy.map { ($0.file.path, $0.file.size) })
        guard restored == .sound, !here.isEmpty else { return restored }
        let gone = Set(fetches.map(\.file.path)).union(removals.map(\.path))
        return StateCheck.check(here.files.lazy.filter { !gone.contains($0.path) }.map { ($0.path, $0.status.size) })
    }
}
