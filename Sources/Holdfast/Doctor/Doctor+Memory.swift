import Basics
import ObjectStore
import Repository
import S3Store

extension Doctor {
    /// What there is to restore.
    func memoryFinding() async throws -> Finding {
        do {
            let newest = try await memory.repository.newest()
            if let damage = newest.heads.damaged.first {
                let rest = newest.tip.map { "; the newest that is whole is \($0.shortID)" } ?? "; none is whole"
                return Finding(
                    .memory, .problem, "snapshot \(damage.name) is damaged: \(damage.reason)\(rest)",
                    fix: "holdfast verify says what is damaged; the next push saves a whole snapshot.", code: .damaged)
            }
            guard let tip = newest.tip else { return try await emptyFinding() }
            let heads = newest.heads.snapshots.count
            let text = "\(count(tip.commit.files, "file")) in snapshot \(tip.shortID), saved \(tip.commit.time)"
            guard heads > 1 else { return Finding(.memory, .ok, text) }
            return Finding(.memory, .ok, "\(text); \(heads) heads, which the next push merges")
        } catch {
            try unlessCancelled(error)
            return Finding(.memory, failed: error)
        }
    }

    private func emptyFinding() async throws -> Finding {
        let location = memory.location
        guard operations(.mirrorView).contains(.list) else {
            return Finding(.memory, .ok, "no snapshot at \(location.key)")
        }
        let page = try await memory.store.page(prefix: location.mirrorPrefix, after: nil, limit: 1000)
        guard !page.objects.isEmpty else {
            return Finding(.memory, .ok, "empty: nothing at \(location.key) yet")
        }
        let number = page.next == nil ? count(page.objects.count, "object") : "more than 1000 objects"
        return Finding(
            .memory, .ok,
            "no snapshot, but \(number) of another tool below storage/: a pull restores them, the first push adopts them"
        )
    }

    func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
