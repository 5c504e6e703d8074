import AgentState
import FileIO
import Logging
import NIOCore
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
            let upload = Upload(mirror: self, root: root, remote: try await remoteObjects())
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

    func remember(_ files: [SyncedFile]) async {
        guard let base else { return }
        do { try await base.write(files) } catch {
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
    var wasTransferred = false
}

/// One push at work.
private final class Upload: Sendable {
    let mirror: Mirror
    let root: File
    let remote: [ObjectKey: ObjectInfo]
    let stored = Collected<SyncedFile>()
    let problems = Collected<SyncResult.Problem>()

    init(mirror: Mirror, root: File, remote: [ObjectKey: ObjectInfo]) {
        self.mirror = mirror
        self.root = root
        self.remote = remote
    }

    /// Makes sure that the store has a file as it is now.
    func bring(_ file: StorageScan.ScannedFile) async throws {
        guard let path = file.path.utf8String else {
            throw StoreError(.localFile, "store", "its name is not valid UTF-8, and keys are text")
        }
        let key = mirror.key(path)
        let (body, status) = try await read(file)
        if let there = remote[key], there.size == status.size, try await mirror.store.holds(body, as: there) {
            stored.add(SyncedFile(path: path, status: status, etag: there.etag))
            return
        }
        let written = try await mirror.store.put(key, body, .overwrite)
        mirror.logger.debug("Uploaded to S3", metadata: ["objectKey": "\(key)", "size": "\(status.size)"])
        stored.add(SyncedFile(path: path, status: status, etag: written.etag, wasTransferred: true))
    }

    /// Opens a file beneath the root and, if it is not large, reads it at one go.
    private func read(_ file: StorageScan.ScannedFile) async throws -> (ObjectBody, FileStatus) {
        let root = root
        return try await FileIO.run {
            let opened = try File.open(file.path.components, beneath: root, .read)
            let before = try opened.status()
            guard before.kind == .regular else { throw StoreError(.sourceChanged, "read", "is no longer a file") }
            guard before.size <= Lanes.whole else { return (.file(opened), before) }
            var content = ByteBuffer()
            content.reserveCapacity(Int(before.size))
            let count = try opened.read(into: &content, count: Int(before.size), at: 0)
            guard count == Int(before.size), try opened.status() == before else {
                throw StoreError(.sourceChanged, "read", "changed while it was read")
            }
            return (.bytes(content), before)
        }
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
