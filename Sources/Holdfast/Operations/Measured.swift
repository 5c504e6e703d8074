import Basics
import ObjectStore

/// Runs an operation to its result: counts, times, and an error that ends it are all in there.
/// - Parameter meter: counts what the operation does.
func measured(_ meter: TransferMeter, _ work: (inout SyncResult) async throws -> Void) async -> SyncResult {
    let before = meter.now
    let start = ContinuousClock.now
    var result = SyncResult(success: true)
    do {
        try await work(&result)
    } catch {
        result.error = SyncError(error)
    }
    if result.error == nil { result.error = incomplete(result.problems) }
    result.success = result.error == nil
    let after = meter.now
    result.requests = after.requests - before.requests
    result.transferredBytes = after.bytesSent - before.bytesSent + after.bytesReceived - before.bytesReceived
    let elapsed = (ContinuousClock.now - start).components
    result.durationSeconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    return result
}

/// - Returns: `nil` if there are no problems.
private func incomplete(_ problems: [SyncResult.Problem]) -> SyncError? {
    guard let first = problems.first else { return nil }
    let count = problems.count
    let isOneCause = problems.allSatisfy { $0.hint == first.hint }
    var error = SyncError(
        code: .incomplete, message: "\(count) \(count == 1 ? "file was" : "files were") left out; the rest is done",
        hint: isOneCause ? first.hint : "The reason for each is named below.")
    error.passesByItself = problems.allSatisfy(\.passesByItself)
    return error
}
