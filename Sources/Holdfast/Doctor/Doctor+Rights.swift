import NIOCore
import ObjectStore
import Repository
import S3Store

extension Doctor {
    /// What the role may do: listing, writing, reading, deleting; then what the store makes of creates and versions.
    func rightsFindings() async throws -> [Finding] {
        var found = [try await listFinding()]
        guard role == .run else {
            if let finding = try await deleteFinding() { found.append(finding) }
            return found
        }
        let probe = key(.probes, "doctor-\(nonce)")
        let content = ByteBuffer(string: "holdfast doctor")
        var version: String?
        var isWritten = false
        found.append(
            try await finding(.write) {
                version = try await write(probe, content)
                isWritten = true
                let parts = MemoryPart.allCases.filter { operations($0).contains(.writeInParts) }
                for part in parts { try await s3?.probeUpload(key(part, "doctor-\(nonce)")) }
                return Finding(.write, .ok, "may write \(Self.words([.probes] + parts)), also in parts")
            })
        guard isWritten else {
            if let finding = try await deleteFinding() { found.append(finding) }
            return found
        }
        found.append(
            try await finding(.read) {
                let there = try await memory.store.get(probe).collect(upTo: 1 << 10)
                guard there == content else {
                    return Finding(
                        .read, .problem, "what was read is not what was written",
                        fix: "Something between here and the store changes content; look for a proxy.")
                }
                return Finding(.read, .ok, "what was written can be read")
            })
        if let finding = try await deleteFinding(probe) { found.append(finding) }
        found.append(try await conditionalFinding())
        if s3 != nil { found.append(Self.versioningFinding(version)) }
        return found
    }

    private func finding(_ check: Finding.Check, _ work: () async throws -> Finding) async throws -> Finding {
        do { return try await work() } catch {
            try unlessCancelled(error)
            return Finding(check, failed: error)
        }
    }

    private func listFinding() async throws -> Finding {
        try await finding(.list) {
            let parts = MemoryPart.allCases.filter { operations($0).contains(.list) }
            for part in parts {
                _ = try await memory.store.page(
                    prefix: "\(memory.location.key)/\(part.rawValue)/", after: nil, limit: 1)
            }
            return Finding(.list, .ok, "may list \(Self.words(parts))")
        }
    }

    /// - Returns: the version that the store gave to the probe, if it did.
    private func write(_ probe: ObjectKey, _ content: ByteBuffer) async throws -> String? {
        if let s3 { return try await s3.putVersioned(probe, content) }
        try await memory.store.put(probe, .bytes(content), .overwrite)
        return nil
    }

    /// Deletes the probe, and in parts with objects that are not to be touched a key that no object has.
    /// - Returns: `nil` for a role that deletes nothing.
    private func deleteFinding(_ probe: ObjectKey? = nil) async throws -> Finding? {
        let parts = MemoryPart.allCases.filter { $0 != .mirrorMark && operations($0).contains(.delete) }
        guard !parts.isEmpty else { return nil }
        return try await finding(.delete) {
            let keys = parts.filter { $0 != .probes }.map { key($0, "doctor-\(nonce)") }
            // Each by itself: a request for several is refused as a whole by some stores.
            for key in [probe].compactMap(\.self) + keys {
                if let failure = try await memory.store.delete([key]).first { throw failure.error }
            }
            if let probe, try await isThere(probe) {
                return Finding(
                    .delete, .problem, "'\(probe)' is there after it was deleted",
                    fix: "Look at the bucket's object lock and replication; prune cannot free space like this.")
            }
            return Finding(.delete, .ok, "may delete in \(Self.words(parts))")
        }
    }

    /// A refusal counts as absent: S3 answers so where the right to list is limited to prefixes.
    private func isThere(_ key: ObjectKey) async throws -> Bool {
        do { return try await memory.store.find(key) != nil } catch {
            guard error.kind == .denied else { throw error }
            return false
        }
    }

    private func conditionalFinding() async throws -> Finding {
        try await finding(.conditionalWrites) {
            if try await memory.repository.raceShowsOneWinner() {
                return Finding(.conditionalWrites, .ok, "of several creates of a key exactly one wins")
            }
            return Finding(
                .conditionalWrites, .warning,
                "the store does not obey If-None-Match: commits get names of their own, and pushes at once are merged "
                    + "by the next one",
                fix: "Nothing has to be done. A store that obeys it merges at once.")
        }
    }

    static func versioningFinding(_ version: String?) -> Finding {
        version == nil
            ? Finding(
                .versioning, .ok,
                "off; Holdfast needs none, but with it a stolen credential can destroy nothing for good")
            : Finding(
                .versioning, .ok,
                "on; what prune removes takes space until a lifecycle rule expires noncurrent versions")
    }

    private static func words(_ parts: [MemoryPart]) -> String {
        parts.map { $0 == .mirrorMark ? $0.rawValue : "\($0.rawValue)/" }.joined(separator: ", ")
    }
}
