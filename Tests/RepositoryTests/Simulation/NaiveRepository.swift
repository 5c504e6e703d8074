import Basics
import Foundation
import NIOCore
import ObjectStore
import Simulation

/// A mistake that the simulation has to find.
enum Mistake: String, Sendable, CaseIterable {
    /// The newest commit is what an object says that is overwritten.
    case mutableHead
    /// A key that is taken after a lost answer is believed to hold one's own commit.
    case takenMeansMine
    /// A commit of the same number is written over the other.
    case overwrites
    /// Creates are believed to have one winner, whatever the store.
    case trustsConditions
    /// What another has saved in the meantime is replaced by what is here.
    case mergesNothing
    /// The commit is written before what it refers to.
    case commitsFirst
    /// What nothing refers to is deleted at once.
    case prunesAtOnce
    /// Content is believed to be what the store sent.
    case verifiesNothing
    /// What cannot be read keeps everybody from saving.
    case stopsAtDamage
    /// What cannot be read counts as contained in what is saved next.
    case damagedIsAncestor
    /// What the store does not hand out counts as damaged.
    case refusedIsDamaged
    /// What the next save is made from counts as continued where nobody can tell.
    case unknownIsContained
    /// Packs are deleted although a commit cannot be read, which may need them.
    case prunesBesideDamage
    /// The newest snapshot that is whole takes everything's place, here as well.
    case pullsOver

    /// Whether it shows only where objects are damaged or refused.
    var isAboutDamage: Bool {
        switch self {
        case .stopsAtDamage, .damagedIsAncestor, .refusedIsDamaged, .unknownIsContained, .prunesBesideDamage,
            .pullsOver:
            true
        default: false
        }
    }
}

/// A repository as one would write it in an afternoon: right without a mistake, except that it never forgets a commit.
struct NaiveRepository: RepositoryUnderTest {
    struct Commit: Codable {
        var sequence: Int
        var nonce: String
        var parents: [String]
        var files: [String: File]
        /// Commits that could not be read, and are not continued.
        var passedOver: [String]? = nil
        /// Commits that count as continued, besides those that are.
        var hidden: [String]? = nil
    }

    struct File: Codable, Equatable {
        var pack: String
        var hash: UInt64
        var modified: Int64
    }

    struct Version {
        var key: String
        var commit: Commit
    }

    /// All commits that are there.
    struct Versions {
        var readable: [Version] = []
        var damaged: [String] = []

        /// The highest number in use.
        var last: Int {
            let numbers = damaged.compactMap { $0.split(separator: "/").last?.prefix(5) }.compactMap { Int($0) }
            return max(readable.map(\.commit.sequence).max() ?? 0, (numbers.max() ?? 10_000) - 10_000)
        }
    }

    /// The commit that the next save continues, and the files as they were saved here.
    struct Known: Sendable {
        var key: String
        var files: Tree
    }

    struct Failure: Error { var reason: String }

    static let head = ObjectKey("memory/head")

    let store: any ObjectStore
    let client: ClientWorld
    let random: @Sendable () -> UInt64
    let grace: Int64
    let mistake: Mistake?

    private var isLinear: Bool {
        mistake != .mutableHead && (store.capabilities.createOnly == .enforced || mistake == .trustsConditions)
    }

    func restore(_ here: Tree, base: Base?) async throws -> RestoredTree? {
        let all = try await versions()
        if all.readable.isEmpty, all.damaged.isEmpty { return nil }
        let heads = try await heads(all)
        let older = all.readable.sorted { $0.commit.sequence > $1.commit.sequence }
        var damaged = Dictionary(uniqueKeysWithValues: all.damaged.map { (ObjectKey($0), "it cannot be read") })
        for tip in heads.reversed() + (mistake == .mutableHead ? [] : older) where damaged[ObjectKey(tip.key)] == nil {
            do {
                let files = try await files(of: tip)
                let base = base as? Known
                let common = base.map { continues(tip, $0.key, in: all) ? $0.files : [:] } ?? [:]
                let result = mistake == .pullsOver ? files : pulledTree(here, files, base: common)
                return RestoredTree(
                    id: tip.key, files: files, result: result,
                    base: Known(key: tip.key, files: files.common(with: result)), damaged: damaged)
            } catch let error as Failure {
                damaged[ObjectKey(tip.key)] = error.reason
            }
        }
        throw Failure(reason: "nothing is whole")
    }

    private func files(of version: Version) async throws -> Tree {
        var files: Tree = [:]
        for (path, file) in version.commit.files.sorted(by: { $0.key < $1.key }) {
            files[path] = SimulatedFile(content: try await content(of: file, path), modified: file.modified)
        }
        return files
    }

    func rollBack(_ choose: @escaping @Sendable ([String]) -> String?) async throws {}

    func save(
        _ files: Tree, base: Base?, remember: @escaping @Sendable (any Sendable) -> Void
    ) async throws -> SavedTree {
        let base = base as? Known
        let known = try await versions()
        let ours = try await upload(files, known: known.readable)
        let original = (base?.files ?? [:]).mapValues {
            File(pack: "", hash: hash($0.content), modified: $0.modified)
        }
        for round in 0..<5 {
            let all = round == 0 ? known : try await versions()
            let heads = try await heads(all)
            var merged = ours.files
            var withOurs = ours.files
            var conflict = false
            for head in heads where mistake != .mergesNothing {
                // Only a head that continues our base can have removed something from it.
                let old = base.map { continues(head, $0.key, in: all) ? original : [:] } ?? [:]
                conflict = merge(&merged, head.commit.files, old, preferOurs: false) || conflict
                _ = merge(&withOurs, head.commit.files, old, preferOurs: true)
            }
            var parents = heads.map(\.key)
            if conflict { parents.append(try await commitAside(withOurs, parents, all)) }
            var commit = Commit(sequence: all.last + 1, nonce: nonce(), parents: parents, files: merged)
            let pasts = heads.map { ancestors(of: $0, in: all) }
            let damaged = all.damaged.filter { key in !pasts.contains { $0.found.contains(key) } }
            // Behind what cannot be read, there may be more that is continued.
            let isCertain = pasts.allSatisfy(\.isComplete)
            if mistake == .damagedIsAncestor {
                commit.hidden = damaged
            } else if isCertain {
                commit.passedOver = damaged
            }
            if let key = try await write(commit, isLinear: isLinear) {
                try await ours.finish?()
                if mistake == .mutableHead {
                    _ = try await store.put(Self.head, .bytes(.init(string: key)), .overwrite)
                }
                return SavedTree(id: key, base: Known(key: key, files: files))
            }
        }
        throw Failure(reason: "five rounds")
    }

    func prune() async throws {
        let now = try await store.put(ObjectKey("memory/prune"), .bytes(ByteBuffer()), .overwrite).lastModified ?? 0
        let packs = try await store.list(prefix: "memory/packs/").collect()
        let versions = try await versions()
        if !versions.damaged.isEmpty, mistake != .prunesBesideDamage { return }
        let used = Set(versions.readable.flatMap { $0.commit.files.values.map(\.pack) })
        let wait = mistake == .prunesAtOnce ? 0 : grace
        let old = packs.filter { !used.contains($0.key.text) && now - ($0.lastModified ?? now) >= wait }
        _ = try await store.delete(old.map(\.key))
    }

    func verify() async throws -> [ObjectKey: String] {
        let versions = try await versions()
        var damage = Dictionary(uniqueKeysWithValues: versions.damaged.map { (ObjectKey($0), "it cannot be read") })
        for version in versions.readable {
            for (path, file) in version.commit.files.sorted(by: { $0.key < $1.key }) {
                do { _ = try await content(of: file, path) } catch let error as Failure {
                    damage[ObjectKey(file.pack)] = error.reason
                }
            }
        }
        return damage
    }

    // MARK: Commits

    private func versions() async throws -> Versions {
        var versions = Versions()
        for object in try await store.list(prefix: "memory/commits/").collect() {
            if let commit = try await commit(object.key) {
                versions.readable.append(Version(key: object.key.text, commit: commit))
            } else {
                versions.damaged.append(object.key.text)
            }
        }
        return versions
    }

    /// - Returns: `nil` for one that is damaged.
    private func commit(_ key: ObjectKey) async throws -> Commit? {
        for _ in 0..<3 {
            do {
                let bytes = try await store.get(key).collect(upTo: 1 << 20)
                if let commit = try? JSONDecoder().decode(Commit.self, from: Data(bytes.readableBytesView)) {
                    return commit
                }
            } catch {
                let isDamaged = error.kind == .notFound || error.kind == .corrupt
                let isRefused = error.kind == .denied || error.kind == .invalid
                guard isDamaged || isRefused && mistake == .refusedIsDamaged else { throw error }
            }
        }
        if mistake == .stopsAtDamage { throw Failure(reason: "\(key) is damaged") }
        return nil
    }

    private func heads(_ all: Versions) async throws -> [Version] {
        let versions = all.readable
        if mistake == .mutableHead {
            guard try await store.find(Self.head) != nil else { return [] }
            let head = String(buffer: try await store.get(Self.head).collect(upTo: 1000))
            return versions.filter { $0.key == head }
        }
        let inner = Set(versions.flatMap { ancestors(of: $0, in: all).found.subtracting([$0.key]) })
        return versions.filter { !inner.contains($0.key) }
            .sorted { ($0.commit.sequence, $0.key) < ($1.commit.sequence, $1.key) }
    }

    /// The keys of a commit and of all before it, as far as they can be read.
    private func ancestors(of version: Version, in all: Versions) -> (found: Set<String>, isComplete: Bool) {
        let commits = Dictionary(uniqueKeysWithValues: all.readable.map { ($0.key, $0.commit) })
        var found: Set<String> = []
        var isComplete = true
        var open = [version.key]
        while let key = open.popLast() {
            guard found.insert(key).inserted else { continue }
            guard let commit = commits[key] else {
                isComplete = false
                continue
            }
            open += commit.parents + (commit.hidden ?? [])
        }
        return (found, isComplete)
    }

    private func continues(_ version: Version, _ base: String, in all: Versions) -> Bool {
        let (found, isComplete) = ancestors(of: version, in: all)
        if mistake == .unknownIsContained, !isComplete || all.damaged.contains(base) { return true }
        return found.contains(base)
    }

    /// - Returns: its key, or `nil` if another has won.
    private func write(_ commit: Commit, isLinear: Bool) async throws -> String? {
        let number = String(10_000 + commit.sequence)
        let key = "memory/commits/\(number)" + (isLinear ? "" : "-\(commit.nonce)")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let body = ObjectBody.bytes(ByteBuffer(bytes: try encoder.encode(commit)))
        let rule: WriteRule = isLinear && mistake != .overwrites ? .createOnly : .overwrite
        var isRepeated = false
        for attempt in 1...6 {
            do {
                try await store.put(ObjectKey(key), body, rule)
                return key
            } catch {
                if error.kind == .cancelled { throw error }
                if error.kind == .alreadyExists, mistake == .takenMeansMine, isRepeated { return key }
                isRepeated = true
                if let there = try await read(key) {
                    return there.nonce == commit.nonce ? key : nil
                }
                try await client.sleep(nanoseconds: Int64(attempt) * 1_000_000_000)
            }
        }
        throw Failure(reason: "the commit may or may not have been written")
    }

    private func read(_ key: String) async throws -> Commit? {
        for _ in 0..<6 {
            do {
                let bytes = try await store.get(ObjectKey(key)).collect(upTo: 1 << 20)
                return try JSONDecoder().decode(Commit.self, from: Data(bytes.readableBytesView))
            } catch let error as StoreError where error.kind == .notFound {
                return nil
            } catch let error as StoreError where error.kind != .cancelled && error.kind != .denied {
                continue
            }
        }
        throw Failure(reason: "the commit may or may not have been written")
    }

    /// Writes our side under a name of its own, so that what loses a conflict stays reachable.
    private func commitAside(_ files: [String: File], _ parents: [String], _ all: Versions) async throws -> String {
        let commit = Commit(sequence: all.last + 1, nonce: nonce(), parents: parents, files: files)
        guard let key = try await write(commit, isLinear: false) else { throw Failure(reason: "the name is taken") }
        return key
    }

    /// - Returns: whether there was a conflict.
    private func merge(
        _ ours: inout [String: File], _ theirs: [String: File], _ base: [String: File], preferOurs: Bool
    ) -> Bool {
        var conflict = false
        for path in Set(ours.keys).union(theirs.keys).sorted() {
            let (our, their, old) = (ours[path], theirs[path], base[path])
            if our?.hash == their?.hash || their?.hash == old?.hash { continue }
            if our?.hash == old?.hash {
                ours[path] = their
            } else {
                conflict = true
                // What has changed elsewhere is not removed, in our state beside the others neither, which continues them.
                let isOlder = (our?.modified ?? .min) < (their?.modified ?? .min)
                if our == nil || !preferOurs && isOlder { ours[path] = their }
            }
        }
        return conflict
    }

    // MARK: Packs

    private func upload(
        _ files: Tree, known: [Version]
    ) async throws -> (files: [String: File], finish: (() async throws -> Void)?) {
        var places: [UInt64: File] = [:]
        for version in known { for file in version.commit.files.values { places[file.hash] = file } }
        var new: [String: String] = [:]
        var all: [String: File] = [:]
        let pack = "memory/packs/\(nonce())"
        for path in files.keys.sorted() {
            guard let file = files[path] else { continue }
            let hash = hash(file.content)
            if places[hash] == nil { new[String(hash)] = file.content }
            all[path] = File(pack: places[hash]?.pack ?? pack, hash: hash, modified: file.modified)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let body = ObjectBody.bytes(ByteBuffer(bytes: try encoder.encode(new)))
        let put = { [store] in _ = try await store.put(ObjectKey(pack), body, .overwrite) }
        if mistake == .commitsFirst { return (all, put) }
        try await put()
        return (all, nil)
    }

    private func content(of file: File, _ path: String) async throws -> String {
        let bytes: ByteBuffer
        do { bytes = try await store.get(ObjectKey(file.pack)).collect(upTo: 1 << 20) } catch {
            guard error.kind == .notFound else { throw error }
            throw Failure(reason: "\(file.pack) is gone")
        }
        guard let pack = try? JSONDecoder().decode([String: String].self, from: Data(bytes.readableBytesView)) else {
            throw Failure(reason: "\(file.pack) is no pack")
        }
        guard let content = pack[String(file.hash)] else { throw Failure(reason: "\(path) is missing") }
        guard mistake == .verifiesNothing || hash(content) == file.hash else {
            throw Failure(reason: "\(path) is damaged")
        }
        return content
    }

    private func nonce() -> String { String(random(), radix: 16) + String(random(), radix: 16) }
}

private func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// The kind of repository that has one mistake, or none.
struct NaiveKind: RepositoryKind {
    var mistake: Mistake?

    func open(
        _ client: ClientWorld, random: @escaping @Sendable () -> UInt64, settings: Settings
    ) -> any RepositoryUnderTest {
        NaiveRepository(
            store: client.store, client: client, random: random, grace: settings.grace, mistake: mistake)
    }

    func facts(of key: ObjectKey, in bucket: Bucket) throws -> CommitFacts? {
        guard key.hasPrefix("memory/commits/"), let bytes = bucket[key]?.content else { return nil }
        let commit = try JSONDecoder().decode(NaiveRepository.Commit.self, from: Data(bytes.readableBytesView))
        var files: [String: String] = [:]
        for (path, file) in commit.files {
            guard let pack = bucket[ObjectKey(file.pack)]?.content else { throw Violation("\(file.pack) is missing") }
            files[path] = try JSONDecoder().decode([String: String].self, from: Data(pack.readableBytesView))[
                String(file.hash)]
        }
        var facts = CommitFacts(
            key: key, id: key.text, parents: commit.parents.map { ObjectKey($0) }, files: files,
            needs: Set(commit.files.values.map(\.pack)).sorted().map { ObjectKey($0) })
        facts.passedOver = Dictionary(
            uniqueKeysWithValues: (commit.passedOver ?? []).map { (ObjectKey($0), "damaged") })
        return facts
    }

    var ancestorLimit: Int { .max }

    func heads(of commits: [CommitFacts], in bucket: Bucket) -> HeadsSeen {
        if mistake == .mutableHead {
            guard let head = bucket[NaiveRepository.head]?.content else { return HeadsSeen(heads: []) }
            return HeadsSeen(heads: [ObjectKey(String(buffer: head))])
        }
        let commit = { (key: ObjectKey) in
            bucket[key].flatMap {
                try? JSONDecoder().decode(NaiveRepository.Commit.self, from: Data($0.content.readableBytesView))
            }
        }
        var inner: Set<String> = []
        var open = commits.flatMap { commit($0.key).map { $0.parents + ($0.hidden ?? []) } ?? [] }
        while let next = open.popLast() {
            guard inner.insert(next).inserted else { continue }
            open += commit(ObjectKey(next)).map { $0.parents + ($0.hidden ?? []) } ?? []
        }
        return HeadsSeen(heads: commits.map(\.key).filter { !inner.contains($0.text) })
    }
}
