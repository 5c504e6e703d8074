import Foundation
import TestSupport

/// The snapshots of one memory, as `log` lists them and as a fresh machine gets them.
struct StoredMemory {
    struct Snapshot {
        let id: String
        let number: Int
        /// The changes that led to it.
        var known: Set<Int>
        /// What a fresh machine gets of it; `nil` if it cannot be restored.
        var contents: Contents?
        var schema: Schema?
        /// Why it cannot be restored.
        var refusal: String?
    }

    /// Runs the commands that only look; nothing refuses their requests.
    let probe: AgentMachine
    /// All snapshots that were ever listed.
    private(set) var snapshots: [String: Snapshot] = [:]
    /// Those that were listed last, the newest first.
    private(set) var listed: [String] = []
    private(set) var heads: [String] = []
    /// Those of them that are only the own state of a side of a merge.
    private var sides: Set<String> = []
    private var knowsAll = true

    init(probe: AgentMachine) { self.probe = probe }

    /// A snapshot in a listing that was not there before.
    struct New {
        let id: String
        let number: Int
        let parents: [String]
    }

    /// The snapshots that count: for `latest~N`, and for what a prune keeps.
    var counted: [String] { listed.filter { !sides.contains($0) } }

    var tip: Snapshot? { heads.first.flatMap { snapshots[$0] } }

    /// Lists the snapshots again.
    /// - Returns: the new ones, the oldest first; those that are gone; why the listing failed.
    mutating func list() async throws -> (new: [New], gone: [String], failure: Finished?) {
        try probe.setUp()
        var run = try await probe.run(["log", "--json"] + (knowsAll ? ["--all"] : []))
        if knowsAll, run.code == 64 {
            knowsAll = false
            run = try await probe.run(["log", "--json"])
        }
        guard run.code == 0 else { return ([], [], run) }
        var new: [New] = []
        var ids: [String] = []
        heads = []
        for entry in run.json["snapshots"].array ?? [] {
            guard let id = entry["id"].string else { continue }
            ids.append(id)
            if entry["head"].bool == true { heads.append(id) }
            if entry["side"].bool == true { sides.insert(id) }
            guard snapshots[id] == nil else { continue }
            let parents = (entry["parents"].array ?? []).compactMap(\.string)
            new.append(New(id: id, number: entry["seq"].int ?? 0, parents: parents))
        }
        let gone = listed.filter { !ids.contains($0) }
        listed = ids
        return (new.sorted { $0.number < $1.number }, gone, nil)
    }

    /// Takes a new snapshot up, with what it holds and the changes that its parents know.
    mutating func add(_ new: New) async throws {
        let known = new.parents.compactMap { snapshots[$0] }.filter { $0.contents != nil }
            .reduce(into: Set<Int>()) { $0.formUnion($1.known) }
        snapshots[new.id] = Snapshot(id: new.id, number: new.number, known: known)
        try await read(new.id)
    }

    /// Notes that a snapshot has these changes as well.
    mutating func learn(_ id: String, _ known: Set<Int>) { snapshots[id]?.known.formUnion(known) }

    /// Restores a snapshot on a fresh machine, to see what it holds.
    mutating func read(_ id: String) async throws {
        try? probe.lose()
        try probe.setUp()
        let run = try await probe.run(["pull", "--json", "--at", id, "--force"])
        guard run.succeeded else {
            snapshots[id]?.contents = nil
            snapshots[id]?.refusal = run.words
            return
        }
        let live = try probe.live()
        snapshots[id]?.contents = live.contents
        snapshots[id]?.schema = live.schema
    }

    /// Whether any listed snapshot holds a version.
    func holds(_ content: String, of unit: Unit) -> Bool {
        listed.contains { snapshots[$0]?.contents?[unit] == content }
    }

    /// Snapshots that are not listed any more because their commits were damaged.
    var hidden: Set<String> = []

    /// The changes that led to snapshots that cannot be restored.
    var knownToHurt: Set<Int> {
        snapshots.values.filter { $0.contents == nil || hidden.contains($0.id) }
            .reduce(into: Set<Int>()) { $0.formUnion($1.known) }
    }

    /// The changes that are in any snapshot that was ever listed.
    var known: Set<Int> { snapshots.values.reduce(into: Set<Int>()) { $0.formUnion($1.known) } }
}
