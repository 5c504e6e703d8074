import AgentState
import FileIO
import Logging
import ObjectStore

extension Mirror {
    /// Uploads what the store does not have yet. Nothing is deleted there.
    ///
    /// A file that cannot be read, or that changes while it is read, is named in the result and the rest goes on; a
    /// failure of the store ends the operation.
    public func push() async -> SyncResult {
        await measured { result in
            let scan = try await StorageScan.scan(storage, exclusions: exclusions)
            result.skipped.links = scan.skippedLinks
            result.skipped.specialFiles = scan.skippedSpecialFiles
            result.skipped.excluded = scan.excluded.values.reduce(0, +)
            result.problems = scan.failures.map { SyncResult.Problem(path: "\($0.path)", reason: "\($0.cause)") }
            guard !scan.rootMissing, !scan.files.isEmpty else { return }

            let files = storable(scan.files, &result)
            progress.begin(files: files.count, bytes: scan.totalBytes)
            let root = try await FileIO.run { try File.open(storage, [.read, .directory]) }
            let upload = Upload(
                mirror: self, files: LocalFiles(root: root), remote: try await remoteObjects(),
                known: await base?.read() ?? [:])
            try await Lanes.run(files, concurrency: concurrency, size: \.status.size) { file in
                if let problem = try await upload.bring(file) { upload.problems.add(problem) }
                progress.finished(files: 1, bytes: file.status.size)
            }
            let stored = upload.stored.all
            result.transferredObjects = stored.count { $0.wasTransferred }
            result.problems += upload.problems.all.sorted { $0.path < $1.path }
            let others = othersInMemory(upload.remote, besides: stored)
            result.objectCount = stored.count + others.count
            result.totalBytes = stored.reduce(0) { $0 + $1.status.size } + others.reduce(0) { $0 + $1.size }
            result.newerInStore = upload.newer.all.count
            await remember(stored, keeping: upload.newer.all)
        }
    }

    /// The files whose names a pull would write; the others are named in the result.
    private func storable(
        _ files: [StorageScan.ScannedFile], _ result: inout SyncResult
    ) -> [StorageScan.ScannedFile] {
        let paths = files.map(\.path)
        // Names that are both on this disk do not collide here.
        let refused = SafePaths.check(paths, existing: paths).refused
        result.problems += refused.map { SyncResult.Problem(path: printable($0.path), reason: $0.reason.description) }
        guard !refused.isEmpty else { return files }
        let names = Set(refused.map(\.path))
        return files.filter { !names.contains($0.path.bytes) }
    }

    /// The objects that belong to the memory although this machine has no such file, or an older one.
    private func othersInMemory(_ remote: [ObjectKey: ObjectInfo], besides stored: [SyncedFile]) -> [ObjectInfo] {
        let ours = Set(stored.map { key($0.path) })
        let length = location.mirrorPrefix.utf8.count
        return remote.values.filter { object in
            guard !ours.contains(object.key), let path = RelativePath(Array(object.key.utf8.dropFirst(length))) else {
                return false
            }
            return !Exclusions.isNeverStored(path)
        }
    }

    /// The objects of the mirror, by their path below the storage directory.
    func remoteObjects() async throws(StoreError) -> [ObjectKey: ObjectInfo] {
        var found: [ObjectKey: ObjectInfo] = [:]
        for object in try await store.list(prefix: location.mirrorPrefix).collect() { found[object.key] = object }
        return found
    }

    func remember(_ files: [SyncedFile], keeping kept: [SyncBaseFile.Entry] = []) async {
        guard let base else { return }
        do { try await base.write(files, keeping: kept) } catch {
            // Losing this costs a question on the next pull, no data.
            logger.warning("Could not remember what was synchronised", metadata: ["error": "\(error)"])
        }
    }
}

/// A file that is the same here and in the store.
struct SyncedFile: Sendable {
    let path: String
    let status: FileStatus
    let etag: ETag?
    /// In hex, if the content was in memory.
    let sha256: String?
    var wasTransferred = false
}

/// One push at work.
private final class Upload: Sendable {
    let mirror: Mirror
    let files: LocalFiles
    let remote: [ObjectKey: ObjectInfo]
    let known: [ObjectKey: SyncBaseFile.Entry]
    let stored = Collected<SyncedFile>()
    /// Files of which the store has a newer version; they are not sent.
    let newer = Collected<SyncBaseFile.Entry>()
    let problems = Collected<SyncResult.Problem>()

    init(
        mirror: Mirror, files: LocalFiles, remote: [ObjectKey: ObjectInfo], known: [ObjectKey: SyncBaseFile.Entry]
    ) {
        self.mirror = mirror
        self.files = files
        self.remote = remote
        self.known = known
    }

    /// Makes sure that the store has a file as it is now.
    /// - Returns: what is wrong with the file, if the failure concerns it alone.
    func bring(_ file: StorageScan.ScannedFile) async throws -> SyncResult.Problem? {
        guard let path = file.path.utf8String else {
            return SyncResult.Problem(
                path: "\(file.path)", reason: "its name is not valid UTF-8, and keys are text")
        }
        let local: LocalFiles.Content
        do { local = try await files.read(file.path) } catch { return try problem(file, error) }
        do {
            try await store(path, local)
            return nil
        } catch {
            // What is in memory by now cannot fail here: it is the disk of a local store.
            if case .bytes = local.body, (error as? StoreError)?.kind == .localFile { throw error }
            return try problem(file, error)
        }
    }

    private func store(_ path: String, _ local: LocalFiles.Content) async throws {
        let key = mirror.key(path)
        let known = known[ObjectKey(path)]
        if let there = remote[key] {
            if try await mirror.isStored(local, as: there, known) {
                stored.add(SyncedFile(path: path, status: local.status, etag: there.etag, sha256: local.sha256))
                return
            }
            if let known, there.etag?.text != known.etag {
                // Somebody else wrote it since. What did not change here is older, and must not replace it.
                if known.isUntouched(local.status) { return newer.add(known) }
                mirror.logger.warning(
                    "A file changed here and in the store; the store's is overwritten", metadata: ["path": "\(path)"])
            }
        }
        let written = try await mirror.store.put(key, local.body, .overwrite)
        mirror.logger.debug("Uploaded to S3", metadata: ["objectKey": "\(key)", "size": "\(written.size)"])
        stored.add(
            SyncedFile(
                path: path, status: local.status, etag: written.etag, sha256: local.sha256, wasTransferred: true))
    }

    /// What to say of a file if the failure concerns it alone.
    /// - Throws: any other failure.
    private func problem(_ file: StorageScan.ScannedFile, _ error: any Error) throws -> SyncResult.Problem {
        let reason: String
        switch error {
        case let error as FileError: reason = error.isNotFound ? "it was removed while the push ran" : error.description
        case let error as StoreError where [.sourceChanged, .localFile, .tooLarge].contains(error.kind):
            reason = error.reason
        default: throw error
        }
        return SyncResult.Problem(path: "\(file.path)", reason: reason)
    }
}
