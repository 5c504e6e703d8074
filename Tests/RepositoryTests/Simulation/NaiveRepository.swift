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
}

/// A repository as one would write it in an afternoon: right without a mistake, except that it never forgets a commit.
struct NaiveRepository: RepositoryUnderTest {
    struct Commit: Codable {
        var sequence: Int
        var nonce: String
        var parents: [String]
        var files: [String: File]
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

    func restore() async throws -> RestoredTree? {
        guard let tip = try await heads(versions()).last else { return nil }
        var files: Tree = [:]
        for (path, file) in tip.commit.files.sorted(by: { $0.key < $1.key }) {
            files[path] = SimulatedFile(content: try await content(of: file, path), modified: file.modified)
        }
        return RestoredTree(id: tip.key, files: files, base: Known(key: tip.key, files: files))
    }

    func rollBack(_ choose: @escaping @Sendable ([String]) -> String?) async throws {}

    func save(
        _ files: Tree, base: Base?, remember: @escaping @Sendable (any Sendable) -> Void
    ) async throws -> SavedTree {
        let base = base as? Known
        let known = try await versions()
        let ours = try await upload(files, known: known)
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
                let continues = ancestors(of: head, in: all).contains(base?.key ?? "")
                let old = continues ? original : [:]
                conflict = merge(&merged, head.commit.files, old, preferOurs: false) || conflict
                _ = merge(&withOurs, head.commit.files, old, preferOurs: true)
            }
            var parents = heads.map(\.key)
            if conflict { parents.append(try await commitAside(withOurs, parents, all)) }
            let sequence = (all.map(\.commit.sequence).max() ?? 0) + 1
            let commit = Commit(sequence: sequence, nonce: nonce(), parents: parents, files: merged)
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
        let used = Set(try await versions().flatMap { $0.commit.files.values.map(\.pack) })
        let wait = mistake == .prunesAtOnce ? 0 : grace
        let old = packs.filter { !used.contains($0.key.text) && now - ($0.lastModified ?? now) >= wait }
        _ = try await store.delete(old.map(\.key))
    }

    func verify() async throws -> [String] {
        var damage: [String] = []
        for version in try await versions() {
            for (path, file) in version.commit.files.sorted(by: { $0.key < $1.key }) {
                do { _ = try await content(of: file, path) } catch { damage.append("\(version.key) \(path): \(error)") }
            }
        }
        return damage
    }

    // MARK: Commits

    private func versions() async throws -> [Version] {
        var versions: [Version] = []
        for object in try await store.list(prefix: "memory/commits/").collect() {
            let bytes = try await store.get(object.key).collect(upTo: 1 << 20)
            versions.append(
                Version(
                    key: object.key.text,
                    commit: try JSONDecoder().decode(Commit.self, from: Data(bytes.readableBytesView))))
        }
        return versions
    }

    private func heads(_ versions: [Version]) async throws -> [Version] {
        if mistake == .mutableHead {
            guard try await store.find(Self.head) != nil else { return [] }
            let head = String(buffer: try await store.get(Self.head).collect(upTo: 1000))
            return versions.filter { $0.key == head }
        }
        let parents = Set(versions.flatMap(\.commit.parents))
        return versions.filter { !parents.contains($0.key) }
            .sorted { ($0.commit.sequence, $0.key) < ($1.commit.sequence, $1.key) }
    }

    /// The keys of a commit and of all before it.
    private func ancestors(of version: Version, in all: [Version]) -> Set<String> {
        var found: Set<String> = []
        var open = [version.key]
        while let key = open.popLast() {
            guard found.insert(key).inserted else { continue }
            open += all.first { $0.key == key }?.commit.parents ?? []
        }
        return found
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
    private func commitAside(_ files: [String: File], _ parents: [String], _ all: [Version]) async throws -> String {
        let sequence = (all.map(\.commit.sequence).max() ?? 0) + 1
        let commit = Commit(sequence: sequence, nonce: nonce(), parents: parents, files: files)
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
                if !preferOurs, (our?.modified ?? .min) < (their?.modified ?? .min) { ours[path] = their }
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
        let bytes = try await store.get(ObjectKey(file.pack)).collect(upTo: 1 << 20)
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
        return CommitFacts(
            key: key, id: key.text, parents: commit.parents.map { ObjectKey($0) }, files: files,
            needs: Set(commit.files.values.map(\.pack)).sorted().map { ObjectKey($0) })
    }

    func heads(of commits: [CommitFacts], in bucket: Bucket) -> [CommitFacts] {
        if mistake == .mutableHead {
            guard let head = bucket[NaiveRepository.head]?.content else { return [] }
            return commits.filter { $0.id == String(buffer: head) }
        }
        let parents = Set(commits.flatMap(\.parents))
        return commits.filter { !parents.contains($0.key) }
    }
}
