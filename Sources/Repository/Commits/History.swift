import Basics
import FileIO
import NIOConcurrencyHelpers
import ObjectStore

/// All commits of a memory.
public struct History: Sendable {
    /// The newest first.
    public internal(set) var snapshots: [Snapshot] = []
    /// Commits that cannot be read.
    public internal(set) var damaged: [Heads.Damage] = []
    /// When the store wrote each commit, by its clock, in nanoseconds since 1970.
    public internal(set) var written: [CommitName: Int64] = [:]
    /// Objects under `commits/` that are no commits.
    public internal(set) var strangers: [ObjectKey] = []
}

extension Repository {
    /// Reads commits: one listing and one request for each.
    /// - Parameters:
    ///   - limit: read only so many, the newest; all if `nil`.
    ///   - before: read only those with lower numbers.
    ///   - sides: side commits as well. Without them, the limit counts the others.
    ///   - known: snapshots that need not be fetched where the store's tag of them is still the same.
    /// - Throws: as ``heads(known:)``.
    public func history(
        limit: Int? = nil, before: UInt64? = nil, sides: Bool = true, known: [Snapshot] = []
    ) async throws -> History {
        var history = History()
        var tags: [CommitName: ETag] = [:]
        var names: [CommitName] = []
        for object in try await store.list(prefix: commitPrefix).collect() {
            guard let name = commitName(object.key) else {
                history.strangers.append(object.key)
                continue
            }
            history.written[name] = object.lastModified
            tags[name] = object.etag
            if let before, name.sequence >= before { continue }
            names.append(name)
        }
        let same = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
            .filter { tags[$0.key] != nil && $0.value.etag == tags[$0.key] }
        var rest = names.sorted()[...]
        var missing: [Heads.Damage] = []
        while !rest.isEmpty {
            let wanted = limit.map { $0 - history.snapshots.count - history.damaged.count } ?? rest.count
            guard wanted > 0 else { break }
            let part = rest.prefix(wanted)
            rest = rest.dropFirst(wanted)
            missing += try await read(part, same, into: &history)
            if !sides { history.snapshots.removeAll { $0.commit.isSide } }
        }
        if !missing.isEmpty {
            // What a prune has removed since the listing is no damage; what is listed and cannot be had is.
            let listed = try await store.list(prefix: commitPrefix).collect().map(\.key)
            history.damaged += missing.filter { listed.contains(key(of: $0.name)) }
        }
        history.snapshots.sort { $0.name < $1.name }
        history.damaged.sort { $0.name < $1.name }
        return history
    }

    /// Adds commits to a history.
    /// - Parameter same: those that are known already.
    /// - Returns: those that do not exist.
    private func read(
        _ names: ArraySlice<CommitName>, _ same: [CommitName: Snapshot], into history: inout History
    ) async throws -> [Heads.Damage] {
        history.snapshots += names.compactMap { same[$0] }
        let (found, missing) = (NIOLockedValueBox(history), NIOLockedValueBox<[Heads.Damage]>([]))
        try await forEachConcurrently(names.filter { same[$0] == nil }, limit: concurrency) { name in
            switch try await read(name) {
            case .success(let snapshot): found.withLockedValue { $0.snapshots.append(snapshot) }
            case .failure(let error):
                guard error.kind == .damaged else { throw error }
                let damage = Heads.Damage(name: name, reason: error.message)
                if error.isMissing {
                    missing.withLockedValue { $0.append(damage) }
                } else {
                    found.withLockedValue { $0.damaged.append(damage) }
                }
            }
        }
        history = found.withLockedValue { $0 }
        return missing.withLockedValue { $0 }
    }

    /// Finds a snapshot by what a person calls it.
    /// - Parameter text: `latest`, `latest~N` (the Nth before it, along first parents), or the first digits of an id, at
    ///   least four.
    /// - Throws: ``RepositoryError`` of kind `noSuchSnapshot`; otherwise as ``heads(known:)``.
    public func snapshot(named text: String) async throws -> Snapshot {
        if text == "latest" || text.hasPrefix("latest~") {
            guard let back = text == "latest" ? 0 : Int(text.dropFirst("latest~".count)), back >= 0 else {
                throw RepositoryError(
                    .noSuchSnapshot, "'\(text)' names no snapshot",
                    hint: "Use latest, latest~N or an id of holdfast log.")
            }
            return try await ancestor(back, of: text)
        }
        let all = try await history().snapshots
        let isID = text.utf8.count >= 4 && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        let matching = isID ? all.filter { $0.id.hexadecimal.hasPrefix(text) } : []
        guard let only = matching.first, matching.count == 1 else {
            let problem = matching.isEmpty ? "no snapshot is called" : "more than one snapshot begins with"
            throw RepositoryError(
                .noSuchSnapshot, "\(problem) '\(text)' in '\(memory)'",
                hint: "Use latest, latest~N or at least four digits of an id that holdfast log shows.")
        }
        return only
    }

    private func ancestor(_ steps: Int, of text: String) async throws -> Snapshot {
        guard var current = try await heads().tip else {
            throw RepositoryError(.noSuchSnapshot, "'\(memory)' has no snapshot yet", hint: "Run holdfast push first.")
        }
        for _ in 0..<steps {
            guard let parent = try await parents(of: current).first else {
                throw RepositoryError(
                    .noSuchSnapshot, "'\(text)' is older than the oldest snapshot of '\(memory)'",
                    hint: "holdfast log shows those that are there.")
            }
            current = parent
        }
        return current
    }

    /// The parents that still exist and are what the commit says they are.
    public func parents(of snapshot: Snapshot) async throws -> [Snapshot] {
        var found: [Snapshot] = []
        for parent in snapshot.commit.parents {
            guard case .success(let read) = try await read(parent.name), read.id == parent.id else { continue }
            found.append(read)
        }
        return found
    }
}
