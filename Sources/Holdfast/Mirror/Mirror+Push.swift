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

            progress.begin(files: scan.files.count, bytes: scan.totalBytes)
            let root = try await FileIO.run { try File.open(storage, [.read, .directory]) }
            let upload = Upload(
                mirror: self, files: LocalFiles(root: root), remote: try await remoteObjects(),
                known: await base?.read() ?? [:])
            try await Lanes.run(scan.files, concurrency: concurrency, size: \.status.size) { file in
                do { try await upload.bring(file) } catch {
                    guard let problem = upload.problem(file, error) else { throw error }
                    upload.problems.add(problem)
                }
                progress.finished(files: 1, bytes: file.status.size)
            }
            let stored = upload.stored.all
            result.objectCount = stored.count
            result.totalBytes = stored.reduce(0) { $0 + $1.status.size }
            result.transferredObjects = stored.count { $0.wasTransferred }
            result.problems += upload.problems.all.sorted { $0.path < $1.path }
            await remember(stored)
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
    func bring(_ file: StorageScan.ScannedFile) async throws {
        guard let path = file.path.utf8String else {
            throw StoreError(.localFile, "store", "its name is not valid UTF-8, and keys are text")
        }
        let key = mirror.key(path)
        let local = try await files.read(file.path)
        if let there = remote[key], try await mirror.isStored(local, as: there, known[ObjectKey(path)]) {
            stored.add(SyncedFile(path: path, status: local.status, etag: there.etag, sha256: local.sha256))
            return
        }
        let written = try await mirror.store.put(key, local.body, .overwrite)
        mirror.logger.debug("Uploaded to S3", metadata: ["objectKey": "\(key)", "size": "\(written.size)"])
        stored.add(
            SyncedFile(
                path: path, status: local.status, etag: written.etag, sha256: local.sha256, wasTransferred: true))
    }

    /// What to say of a file if the failure concerns it alone.
    func problem(_ file: StorageScan.ScannedFile, _ error: any Error) -> SyncResult.Problem? {
        let reason: String
        switch error {
        case let error as FileError: reason = error.isNotFound ? "it was removed while the push ran" : error.description
        case let error as StoreError where [.sourceChanged, .localFile, .tooLarge].contains(error.kind):
            reason = error.reason
        default: return nil
        }
        return SyncResult.Problem(path: "\(file.path)", reason: reason)
    }
}
