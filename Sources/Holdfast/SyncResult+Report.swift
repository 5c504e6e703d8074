import AgentFiles
import FileIO
import Repository

extension SyncResult {
    /// Takes over what a scan left out or could not look at.
    mutating func count(_ scan: StorageScan) {
        skipped.links = scan.skippedLinks
        skipped.specialFiles = scan.skippedSpecialFiles
        skipped.excluded = scan.excluded.values.reduce(0, +)
        problems = scan.failures.map { Problem(path: "\($0.path)", reason: "\($0.cause)") }
    }

    /// Takes over what a snapshot says of itself.
    mutating func describe(_ newest: Snapshot) {
        snapshot = newest.id.hexadecimal
        snapshotTime = newest.commit.time
        objectCount = newest.commit.files
        totalBytes = newest.commit.bytes
    }

    /// Warns of snapshots that could not be read.
    mutating func report(_ damaged: [Heads.Damage]) {
        for damage in damaged {
            warnings.append("snapshot \(damage.name) is damaged and was passed over: \(damage.reason)")
        }
    }
}
