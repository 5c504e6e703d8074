import FileIO
import Repository

extension Snapshot {
    /// The run, for people: `123456/1`.
    var runText: String {
        guard let run = commit.run else { return "-" }
        return printable(((run.id ?? "-") + (run.attempt.map { "/\($0)" } ?? "")).utf8)
    }

    var writerText: String { printable(commit.writer.utf8) }
    var timeText: String { printable(Times.seconds(commit.time).utf8) }
}

extension RelativePath {
    /// For JSON: the path itself where it is text.
    var text: String { utf8String ?? description }
}

extension Session {
    /// What commands say of a memory without snapshots.
    func sayEmpty() {
        console.note("No snapshot yet at \(address): holdfast push makes the first one.", isWarning: false)
    }

    /// Warns of what cannot be read and was passed over.
    func warn(of damaged: [Heads.Damage]) {
        for damage in damaged { console.note("\(damage.reason); run holdfast verify") }
    }

    /// Warns also of what may be missing in the newest snapshot.
    func warn(of heads: Heads) {
        warn(of: heads.damaged)
        for name in heads.unproven {
            console.note("it is unknown whether the newest snapshot contains commit \(name); run holdfast log")
        }
    }

    /// The newest snapshot that is whole, or the one that is named.
    /// - Returns: `nil` for a memory without snapshots, if none is named.
    func snapshot(named name: String?) async throws -> (snapshot: Snapshot, manifest: Manifest)? {
        guard let name else {
            let newest = try await repository.newest()
            warn(of: newest.heads)
            guard let tip = newest.tip, let manifest = newest.manifest else {
                guard newest.heads.isEmpty else {
                    throw RepositoryError(
                        .damaged, "no snapshot of '\(location)' can be read",
                        hint: "Run holdfast verify to see what is there.")
                }
                return nil
            }
            return (tip, manifest)
        }
        let snapshot = try await repository.snapshot(named: name)
        return (snapshot, try await repository.manifest(of: snapshot))
    }
}
