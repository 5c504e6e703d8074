import AgentFiles
import Basics
import FileIO
import Repository

extension SyncResult {
    /// Takes over what a scan left out or could not look at.
    mutating func count(_ scan: StorageScan) {
        skipped.links = scan.skippedLinks
        skipped.specialFiles = scan.skippedSpecialFiles
        skipped.excluded = scan.excluded.values.reduce(0, +)
        problems = scan.failures.map { Problem(path: "\($0.path)", $0.cause.failure) }
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

    /// Warns of snapshots that could not be read, and of those that may be missing in the newest one.
    mutating func report(_ heads: Heads) {
        report(heads.damaged)
        for name in heads.unproven {
            warnings.append("it is unknown whether the newest snapshot contains commit \(name), which is left as it is")
        }
    }

    /// Warns that nothing counts as deleted, if that is so.
    mutating func report(_ lineage: Lineage) {
        guard let doubt = lineage.doubt else { return }
        warnings.append("\(doubt); nothing counts as deleted")
    }
}
