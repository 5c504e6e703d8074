import Holdfast

/// One line on a terminal that shows how far a transfer is.
struct ProgressBar: Sendable {
    let label: String
    let progress: SyncProgress
    let console: Console

    /// Shows the bar while some work runs.
    func run<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result {
        guard console.showsProgress else { return await work() }
        return await withTaskGroup(of: Result?.self) { group in
            group.addTask { await work() }
            group.addTask {
                while !Task.isCancelled {
                    draw()
                    try? await Task.sleep(for: .milliseconds(100))
                }
                return nil
            }
            var outcome: Result?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            await group.waitForAll()
            // The line is erased, so that what comes after it starts clean.
            console.world.err("\r\u{1B}[2K")
            guard let outcome else { return await work() }
            return outcome
        }
    }

    private func draw() {
        let state = progress.now
        guard state.allFiles > 0 else { return }
        let share =
            state.allBytes > 0
            ? Double(state.doneBytes) / Double(state.allBytes) : Double(state.doneFiles) / Double(state.allFiles)
        let width = 24
        let filled = min(width, Int(share * Double(width)))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let bytes = "\(Words.bytes(state.doneBytes)) of \(Words.bytes(state.allBytes))"
        console.world.err("\r\u{1B}[2K\(label) \(bar) \(state.doneFiles)/\(state.allFiles) files, \(bytes)")
    }
}
