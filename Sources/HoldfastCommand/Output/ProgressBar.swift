import Basics
import Holdfast

/// One line on a terminal that shows how far a transfer is.
struct ProgressBar: Sendable {
    let label: String
    let progress: SyncProgress
    let console: Console
    /// What is counted.
    var noun = "files"

    /// Goes to the start of the line and empties it (ECMA-48 EL), so that what comes next starts clean.
    static let erase = "\r\u{1B}[2K"

    /// Shows the bar while some work runs.
    func run<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result {
        guard console.showsProgress else { return await work() }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    draw()
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            let result = await work()
            group.cancelAll()
            await group.waitForAll()
            // Once at least, however fast it went.
            draw()
            console.world.err(Self.erase)
            return result
        }
    }

    private func draw() {
        let state = progress.now
        guard state.allFiles > 0 else { return }
        let share =
            state.allBytes > 0
            ? Double(state.doneBytes) / Double(state.allBytes) : Double(state.doneFiles) / Double(state.allFiles)
        let width = 24
        // A file that grew meanwhile, or a repeated part, may take the count over its end.
        let filled = max(0, min(width, Int(share * Double(width))))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let bytes = "\(Figures.bytes(state.doneBytes)) of \(Figures.bytes(state.allBytes))"
        console.world.err("\(Self.erase)\(label) \(bar) \(state.doneFiles)/\(state.allFiles) \(noun), \(bytes)")
    }
}
