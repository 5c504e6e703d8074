import Foundation
import ObjectStore
import Testing

@testable import Holdfast

/// One cell of the truth table, made of real files: machine `a` saves what the store has, machine `b` is here.
struct TruthTableCell: Sendable, CustomTestStringConvertible {
    let operation: PathOperation
    let base: PathState
    let here: PathState
    let store: PathState
    /// The version here is the later one.
    var isNewerHere = false
    /// Files come from the mirror view.
    var isMirror = false

    var testDescription: String {
        "\(operation)\(isMirror ? " of the mirror" : ""): base \(base), here \(here), store \(store)"
            + (isNewerHere ? ", newer here" : "")
    }

    static let path = "session/p/ses_1.txt"

    /// States that files can be brought into. Without a base, `same` means the content of the other side.
    static let states: [(base: PathState, here: PathState, store: PathState)] = {
        let all: [PathState] = [.absent, .same, .changed]
        var states: [(base: PathState, here: PathState, store: PathState)] = []
        for base in [PathState.same, .changed] {
            for here in all { for store in all { states.append((base, here, store)) } }
        }
        states += [
            (.absent, .absent, .absent), (.absent, .absent, .changed), (.absent, .changed, .absent),
            (.absent, .changed, .changed), (.absent, .same, .same),
        ]
        return states
    }()

    static func all(_ operations: [PathOperation]) -> [TruthTableCell] {
        operations.flatMap { operation in
            states.flatMap { state in
                (state.here == .changed ? [false, true] : [false]).map {
                    TruthTableCell(
                        operation: operation, base: state.base, here: state.here, store: state.store, isNewerHere: $0)
                }
            }
        }
    }

    /// Row of the document.
    func row() throws -> DocumentedTable.Row {
        // A view does not tell what was removed from it.
        let store = isMirror && store == .absent ? .outOfScope : store
        return try #require(try DocumentedTable().row(operation, base, here, store), "\(testDescription): no row fits")
    }

    var contentHere: String? { content(here, "here") }
    var contentInStore: String? { content(store, "store") }

    private func content(_ state: PathState, _ changed: String) -> String? {
        switch state {
        case .absent: nil
        case .same: "base"
        default: changed
        }
    }

    /// When a content was written.
    private func time(_ content: String) -> Date {
        let seconds: Double =
            switch content {
            case "store": 5000
            case "here": isNewerHere ? 6000 : 4000
            default: 0
            }
        return Date(timeIntervalSince1970: 1_700_000_000 + seconds)
    }

    func put(_ content: String?, on machine: String, _ fixture: Fixture) throws {
        guard let content else {
            try? fixture.remove(Self.path, on: machine)
            return
        }
        try fixture.write([Self.path: content], on: machine)
        try FileManager.default.setAttributes(
            [.modificationDate: time(content)], ofItemAtPath: "\(fixture.storage(machine))/\(Self.path)")
    }

    func memory(_ fixture: Fixture, _ machine: String) -> Memory { fixture.memory(machine, keepsMirror: isMirror) }

    private var source: PullOptions.Source { isMirror ? .mirror : .snapshots }

    /// Brings both machines and the store into the state of the cell.
    func prepare(_ fixture: Fixture) async throws {
        try fixture.write(["other": "1", "another": "1"])
        switch base {
        case .same:
            try put("base", on: "a", fixture)
            try await save(fixture, "a")
            try await load(fixture)
            try put(contentInStore, on: "a", fixture)
            try await save(fixture, "a")
        case .changed:
            try put(contentInStore, on: "a", fixture)
            try await save(fixture, "a")
            try await load(fixture)
            let before = try await commits(fixture)
            try put("base", on: "b", fixture)
            try fixture.write(["later": "1"], on: "b")
            try await save(fixture, "b")
            // The store is one that was put back to an earlier day.
            let lost = try await commits(fixture).subtracting(before)
            try #require(lost.count == 1)
            for key in lost { try await #require(fixture.store.delete([key]).isEmpty) }
        default:
            try put(contentInStore, on: "a", fixture)
            try await save(fixture, "a")
        }
        try put(contentHere, on: "b", fixture)
    }

    private func commits(_ fixture: Fixture) async throws -> Set<ObjectKey> {
        Set(try await fixture.store.list(prefix: "").collect().map(\.key).filter { $0.text.contains("/commits/") })
    }

    private func save(_ fixture: Fixture, _ machine: String) async throws {
        let result = await memory(fixture, machine).push(allowShrink: true)
        try #require(result.success, "\(result)")
    }

    /// Synchronises machine `b`, in the way that the operation counts as synchronised.
    private func load(_ fixture: Fixture) async throws {
        let result =
            operation == .follow
            ? try await followed(fixture).follow(into: follower(fixture))
            : await memory(fixture, "b").pull(PullOptions(source: source))
        try #require(result.success, "\(result)")
    }

    /// The memory of machine `a`, for the storage directory of `b`, which belongs to another identity.
    private func followed(_ fixture: Fixture) throws -> Memory { memory(fixture, "b") }

    private func follower(_ fixture: Fixture) throws -> Memory {
        var options = memory(fixture, "b").options
        options.writer = "bot"
        return Memory(
            store: fixture.store, location: fixture.location.with(agent: try AgentIdentity("bot")), options: options,
            meter: fixture.meter, logger: .silent)
    }

    /// Does what the cell is about.
    func run(_ fixture: Fixture) async throws -> SyncResult {
        let memory = memory(fixture, "b")
        switch operation {
        case .push: return await memory.push(allowShrink: true)
        case .pull: return await memory.pull(PullOptions(source: source))
        case .merge: return await memory.pull(PullOptions(onConflict: .newerWins, source: source))
        case .force: return await memory.pull(PullOptions(onConflict: .storeWins, source: source))
        case .restore: return await memory.restore(RestoreRequest(store: .file, cache: nil)).sync
        case .watch: return await memory.restoreForWatch(sharing: [])
        case .follow: return try await followed(fixture).follow(into: follower(fixture))
        }
    }
}
