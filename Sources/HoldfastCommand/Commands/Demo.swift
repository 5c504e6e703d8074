import ArgumentParser
import Basics
import FileIO
import Holdfast
import ObjectStore
import Repository

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show the whole loop on a generated agent state, in seconds.",
        discussion: """
            Generates an agent's state in a temporary directory, pushes it, wipes it, pulls it back, and proves that it \
            is the same. Without --store an embedded store in the same temporary directory is used. With --store s3://… \
            the keys are below a prefix of their own, and removed at the end.
            """)

    @Option(help: "Sessions to generate.") var sessions = 12
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(sessions) else { throw ValidationError("--sessions can be 1 to 1000.") }
    }

    func run() async throws {
        let (sessions, hasStore, agent, repository) = (sessions, memory.store != nil, memory.agent, memory.repo)
        try await perform("demo", memory, output) { settings, console in
            let name = String(decoding: FileIO.temporaryName("holdfast-demo-"), as: UTF8.self)
            let folder = console.world.absolute("\(console.world.variable("TMPDIR") ?? "/tmp")/\(name)")
            try await FileIO.run { try makeDirectories(folder, permissions: 0o700) }
            let report: DemoReport
            do {
                var settings = settings
                // A prefix of its own: nothing of the user's is touched, and two demos do not meet.
                settings.prefix = "holdfast-demo/\(name)"
                settings.storage = "\(folder)/storage"
                settings.stateDirectory = "\(folder)/state"
                settings.agent = agent == nil ? try AgentIdentity("demo") : settings.agent
                settings.repository = repository ?? "holdfast/demo"
                if !hasStore { settings.store = .file(directory: "\(folder)/store") }
                report = try await showLoop(settings, sessions, console)
            } catch {
                // The error that ended the demo is the one to report.
                await FileIO.cleanUp { try? remove(folder) }
                throw error
            }
            try await FileIO.run { try remove(folder) }
            console.report(report)
        }
    }
}

private func showLoop(_ settings: Settings, _ sessions: Int, _ console: Console) async throws -> DemoReport {
    try await Session.open(settings, console, isTemporary: true) { session in
        let steps = try await Steps(session: session, storage: settings.storage, sessions: sessions).run()
        return DemoReport(store: session.store.location, steps: steps)
    }
}

private func remove(_ folder: String) throws {
    let (parent, name) = splitPath(folder)
    try File.open(parent, [.read, .directory]).removeTree(Array(name.utf8))
}

private func splitPath(_ path: String) -> (parent: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (String(path[..<slash]), String(path[slash...].dropFirst()))
}

/// One line of what the demo did.
private struct DemoStep: Encodable {
    let step: String
    let detail: String
}

private struct DemoReport: Encodable {
    let success = true
    /// What came back is what was pushed; anything else is a failure.
    let identical = true
    let store: String
    let steps: [DemoStep]
}

/// What the demo does, step by step.
private struct Steps {
    let session: Session
    let storage: String
    let sessions: Int

    func run() async throws -> [DemoStep] {
        do {
            let steps = try await loop()
            try await cleanUp()
            return steps
        } catch {
            // A task of its own: this one may be cancelled, and a cancelled task sends nothing. It is awaited.
            _ = await Task { try await cleanUp() }.result
            throw error
        }
    }

    private func loop() async throws -> [DemoStep] {
        var steps: [DemoStep] = []
        func tell(_ step: String, _ detail: String) {
            steps.append(DemoStep(step: step, detail: detail))
            session.console.say(step + String(repeating: " ", count: max(0, 10 - step.count)) + detail)
        }
        let state = DemoState(sessions: sessions)
        try await state.write(to: storage)
        let original = try await TreeDigest.of(storage)
        tell("generate", "\(original) in \(Figures.count(sessions, "session"))")

        let first = try await succeeded(session.memory.push())
        tell("push", "\(moved(first, "uploaded")) to \(session.store.location)")
        let again = try await succeeded(session.memory.push())
        tell("push", "\(moved(again, "uploaded")): nothing has changed")
        try await state.addTurn(to: storage)
        let changed = try await TreeDigest.of(storage)
        let turn = try await succeeded(session.memory.push())
        tell("push", "\(moved(turn, "uploaded")) after another turn of the agent")

        try await FileIO.run { [storage] in try remove(storage) }
        tell("wipe", "the storage directory is gone")
        let back = try await succeeded(session.memory.pull())
        tell("pull", moved(back, "downloaded"))
        let restored = try await TreeDigest.of(storage)
        guard restored == changed else {
            throw SyncError(code: .demo, message: "the restored state differs: \(restored) instead of \(changed)")
        }
        tell("compare", "identical, SHA-256 \(restored.hash.prefix(16))…")
        try await showMerge(state, tell)
        try await showRollback(to: changed, tell)
        return steps
    }

    /// Two machines that go on from the same state and push at the same time: nothing of either gets lost.
    private func showMerge(_ state: DemoState, _ tell: (String, String) -> Void) async throws {
        let second = "\(storage)-2"
        let other = session.memory(storage: second, stateDirectory: "\(session.settings.stateDirectory)-2")
        _ = try await succeeded(other.pull())
        try await state.addTurn(2, to: storage)
        try await state.addSession(to: second)
        async let one = session.memory.push()
        async let two = other.push()
        let results = [try await succeeded(one), try await succeeded(two)]
        let merged = results.count { $0.merged }
        tell("2 pushes", "at once from two machines: \(merged == 1 ? "the slower one merged" : "\(merged) merged")")
        for memory in [session.memory, other, session.memory] { _ = try await succeeded(memory.push()) }
        for memory in [session.memory, other] { _ = try await succeeded(memory.pull()) }
        let (here, there) = (try await TreeDigest.of(storage), try await TreeDigest.of(second))
        guard here == there else {
            throw SyncError(code: .demo, message: "two machines differ after a merge: \(here) and \(there)")
        }
        tell("compare", "both machines have both changes, \(here)")
    }

    /// An older snapshot becomes the newest again.
    private func showRollback(to earlier: TreeDigest, _ tell: (String, String) -> Void) async throws {
        let snapshots = try await session.repository.history().snapshots
        // The third push of this demo made the third snapshot at the latest; the first one with its files is meant.
        for snapshot in snapshots.reversed() where snapshot.commit.files == earlier.files {
            let (outcome, _) = try await session.memory.rollback(to: snapshot)
            guard case .done(let saved) = outcome else { continue }
            _ = try await succeeded(session.memory.pull())
            guard try await TreeDigest.of(storage) == earlier else { continue }
            tell(
                "rollback",
                "to snapshot \(snapshot.shortID) of \(snapshots.count), kept as \(saved.snapshot.shortID); pulled: identical"
            )
            return
        }
        throw SyncError(code: .demo, message: "no snapshot brought back the state before the two pushes")
    }

    private func moved(_ result: SyncResult, _ verb: String) -> String {
        "\(result.transferredObjects) of \(Figures.count(result.objectCount, "file")) \(verb) "
            + "(\(Figures.bytes(result.transferredBytes)), \(Figures.count(result.requests, "request")), "
            + "\(Figures.seconds(result.durationSeconds)))"
    }

    private func succeeded(_ result: SyncResult) async throws -> SyncResult {
        if result.error?.code == .cancelled { throw CancellationError() }
        if let error = result.error { throw error }
        return result
    }

    /// Removes everything below the demo's own prefix. Some servers show an object late: it looks until none is there.
    private func cleanUp() async throws {
        for attempt in 0..<20 {
            if attempt > 1 { try await Task.sleep(for: .milliseconds(100)) }
            let keys = try await session.store.list(prefix: "\(session.location.key)/").collect().map(\.key)
            if let failure = try await session.store.delete(keys).first { throw failure.error }
            // Some servers list directories, and keep them while anything uses them.
            if keys.allSatisfy({ $0.text.hasSuffix("/") }) { return }
        }
    }
}
