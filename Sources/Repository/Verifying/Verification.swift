import Basics
import FileIO
import NIOConcurrencyHelpers
import ObjectStore

/// A verification at work: what it has learnt so far, step by step.
final class Verification: Sendable {
    /// A snapshot whose commit was read. Its manifest is not kept, only which pages it has.
    struct Checked {
        let snapshot: Snapshot
        /// Indices into ``State/pages``, in order.
        var pages: [Int] = []
        /// Indices into ``State/packs``: those that the pack list names.
        var packs: Set<Int> = []
        /// The sum of the files' sizes, as the root says; `nil` if the root cannot be read.
        var bytes: Int64?
    }

    /// A page of one manifest or, mostly, of many.
    struct Page {
        let blob: BlobReference
        let files: Int
        /// What it holds; `nil` if it cannot be read.
        var content: Content?

        struct Content {
            var bytes: Int64 = 0
            var first: RelativePath?
            var last: RelativePath?
            /// Indices into ``State/packs``.
            var packs: [Int] = []
        }
    }

    /// A file whose chunks stand in chunk lists.
    struct LargeFile {
        let page: Int
        let path: RelativePath
        let size: Int64
        let lists: [BlobReference]
        let packs: [Digest]
    }

    /// What of a pack cannot be restored.
    enum Hurt {
        case all
        case blobs(Set<BlobReference>)
    }

    struct State {
        /// The newest first.
        var snapshots: [Checked] = []
        /// Sizes of the packs that the store has.
        var listed: [Digest: Int64] = [:]
        /// Packs that a snapshot needs, each once.
        var packs: [Digest] = []
        var packIndex: [Digest: Int] = [:]
        /// For each of ``packs``, the sizes that pack lists say it has.
        var sizes: [Set<Int64>] = []
        var pages: [Page] = []
        private var pageIndex: [PageKey: Int] = [:]
        var largeFiles: [LargeFile] = []
        /// Every blob that anything refers to, by pack.
        var blobs: [Digest: Set<BlobReference>] = [:]
        var hurt: [Digest: Hurt] = [:]
        var findings: [ObjectKey: Finding] = [:]
        var notes: [String] = []
        var strangers: [ObjectKey] = []

        private struct PageKey: Hashable {
            let blob: BlobReference
            let files: Int
        }

        mutating func index(of pack: Digest) -> Int {
            if let index = packIndex[pack] { return index }
            packIndex[pack] = packs.count
            packs.append(pack)
            sizes.append([])
            return packs.count - 1
        }

        mutating func index(of page: ManifestRoot.Page) -> Int {
            let key = PageKey(blob: page.blob, files: page.files)
            if let index = pageIndex[key] { return index }
            pageIndex[key] = pages.count
            pages.append(Page(blob: page.blob, files: page.files))
            return pages.count - 1
        }

        mutating func note(blob: BlobReference) { blobs[blob.frame.pack, default: []].insert(blob) }

        mutating func hurt(_ blob: BlobReference) {
            switch hurt[blob.frame.pack] {
            case .all: break
            case .blobs(var others):
                // Taken out, so that the set is changed in place.
                hurt[blob.frame.pack] = nil
                others.insert(blob)
                hurt[blob.frame.pack] = .blobs(others)
            case nil: hurt[blob.frame.pack] = .blobs([blob])
            }
        }
    }

    let repository: Repository
    let state = NIOLockedValueBox(State())

    init(repository: Repository) { self.repository = repository }

    /// Packs that are read at a time: each may hold a frame and its content in memory.
    var packsAtOnce: Int { min(repository.concurrency, 4) }

    // MARK: Commits

    private enum Read {
        case snapshot(Snapshot)
        case problem(CommitName, ObjectProblem)
    }

    /// Reads all commits and checks that each is the one that its children continue.
    func readCommits() async throws {
        var names: [CommitName] = []
        for object in try await repository.store.list(prefix: repository.commitPrefix).collect() {
            if let name = repository.commitName(object.key) {
                names.append(name)
            } else {
                state.withLockedValue { $0.strangers.append(object.key) }
            }
        }
        let (found, missing) = (NIOLockedValueBox<[Read]>([]), NIOLockedValueBox<[Read]>([]))
        try await forEachConcurrently(names, limit: repository.concurrency) { [repository] name in
            switch try await repository.readAny(name) {
            case .success(let snapshot): found.withLockedValue { $0.append(.snapshot(snapshot)) }
            case .failure(let error):
                let problem = Read.problem(name, try ObjectProblem(error))
                if error.isMissing {
                    missing.withLockedValue { $0.append(problem) }
                } else {
                    found.withLockedValue { $0.append(problem) }
                }
            }
        }
        let gone = missing.withLockedValue { $0 }
        if !gone.isEmpty {
            // What a prune has removed since the listing is no damage; what is listed and cannot be had is.
            let listed = Set(try await repository.store.list(prefix: repository.commitPrefix).collect().map(\.key))
            for case .problem(let name, let problem) in gone where listed.contains(repository.key(of: name)) {
                found.withLockedValue { $0.append(.problem(name, problem)) }
            }
        }
        var snapshots: [Snapshot] = []
        var damaged: Set<CommitName> = []
        for read in found.withLockedValue({ $0 }) {
            switch read {
            case .snapshot(let snapshot): snapshots.append(snapshot)
            case .problem(let name, let problem):
                damaged.insert(name)
                add(problem, repository.key(of: name))
            }
        }
        snapshots.sort { $0.name < $1.name }
        try checkOwner(&snapshots, &damaged)
        state.withLockedValue { $0.snapshots = snapshots.map { Checked(snapshot: $0) } }
        checkParents(snapshots, damaged)
    }

    /// A commit of another repository or agent is damage among those of ours. Without ours, the memory is not ours.
    private func checkOwner(_ snapshots: inout [Snapshot], _ damaged: inout Set<CommitName>) throws {
        let isOurs = { [repository] (snapshot: Snapshot) in (try? repository.checkOwner(snapshot)) != nil }
        guard let first = snapshots.first else { return }
        guard snapshots.contains(where: isOurs) else { return try repository.checkOwner(first) }
        for snapshot in snapshots where !isOurs(snapshot) {
            damaged.insert(snapshot.name)
            let owner = [snapshot.commit.repository, snapshot.commit.agent].map { "'\(printable($0.utf8))'" }
            add(
                ObjectProblem(reason: "it says that it belongs to \(owner[0]), agent \(owner[1])"),
                repository.key(of: snapshot.name))
        }
        snapshots.removeAll { !isOurs($0) }
    }

    /// Checks that what a commit continues is what it says.
    private func checkParents(_ snapshots: [Snapshot], _ damaged: Set<CommitName>) {
        let indices = Dictionary(snapshots.enumerated().map { ($1.name, $0) }) { first, _ in first }
        let oldest = snapshots.last?.commit.seq ?? 0
        for child in snapshots {
            let references =
                child.commit.parents.map { ($0, isSide: false) } + child.commit.sides.map { ($0, isSide: true) }
            for (reference, isSide) in references {
                let name = reference.name
                let key = repository.key(of: name)
                let shortID = String(reference.id.hexadecimal.prefix(12))
                if let index = indices[name] {
                    var reason: String?
                    if snapshots[index].id != reference.id {
                        reason = "it is not the commit \(shortID) that snapshot \(child.shortID) continues"
                    } else if isSide, !snapshots[index].commit.isSide {
                        reason = "snapshot \(child.shortID) calls it a side, and it is none"
                    }
                    if let reason { add(ObjectProblem(reason: reason), key, snapshot: index) }
                } else if damaged.contains(name) {
                    state.withLockedValue { _ = $0.findings[key]?.lost.insert(shortID) }
                } else if isSide || name.sequence > oldest {
                    // A prune removes the oldest, and a side only with the commit that names it; what is missing between
                    // others went in another way.
                    state.withLockedValue {
                        $0.notes.append(
                            "snapshot \(shortID), which \(child.shortID) continues, is gone, and older ones are not"
                        )
                    }
                }
            }
        }
    }

    // MARK: Packs

    func listPacks() async throws {
        let objects = try await repository.store.list(prefix: repository.packPrefix).collect()
        state.withLockedValue { state in
            for object in objects {
                if let pack = repository.pack(named: object.key) {
                    state.listed[pack] = object.size
                } else {
                    state.strangers.append(object.key)
                }
            }
        }
    }

    /// Compares the packs that are needed with those that are there.
    /// - Parameter willBeRead: which blobs are hurt will be seen when the pack is read.
    func checkPacks(willBeRead: Bool) {
        let problems = state.withLockedValue { state in
            var problems: [(Digest, String)] = []
            for (pack, sizes) in zip(state.packs, state.sizes) {
                guard let size = state.listed[pack] else {
                    state.hurt[pack] = .all
                    problems.append((pack, "it does not exist"))
                    continue
                }
                guard let wrong = sizes.subtracting([size]).min() else { continue }
                if !willBeRead { state.hurt[pack] = .all }
                problems.append((pack, "it has \(size) bytes and not \(wrong)"))
            }
            return problems
        }
        for (pack, reason) in problems { add(ObjectProblem(reason: reason), repository.key(ofPack: pack)) }
    }
}
