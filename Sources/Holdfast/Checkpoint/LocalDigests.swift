import AgentDatabase
import AgentFiles
import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Digests of the files here, from the index where it can tell, else by reading them.
struct LocalDigests: Sendable {
    let storage: String
    /// Files whose content need not be read to be known.
    let known: KnownFiles?
    /// Databases whose log or journal holds more than they do.
    var logs: Set<RelativePath> = []
    /// Stored images of databases have their credentials.
    var keepsSecrets = false

    /// - Parameters:
    ///   - files: as a scan found them.
    ///   - sizes: of the files that they are compared with. One that is in neither, or whose size tells enough, is not read.
    /// - Throws: ``FileError``, `CancellationError`.
    func digests(
        of files: [StorageScan.ScannedFile], sizes: [RelativePath: Int64]
    ) async throws -> [RelativePath: Digest] {
        guard !files.isEmpty else { return [:] }
        var digests: [RelativePath: Digest] = [:]
        var unknown: [StorageScan.ScannedFile] = []
        for file in files {
            let old = known?.index.entry(file.path)
            let restored = known?.restoring?.entry(file.path)
            guard old != nil || restored != nil || sizes[file.path] != nil else { continue }
            if let old, known?.index.matches(old, file.status) == true, !logs.contains(file.path) {
                digests[file.path] = old.sha256
            } else if [sizes[file.path], old?.size, restored?.size].contains(file.status.size)
                || logs.contains(file.path)
            {
                unknown.append(file)
            }
        }
        guard !unknown.isEmpty else { return digests }
        let (storage, keepsSecrets) = (storage, keepsSecrets)
        let root = try await FileIO.run { try File.open(storage, [.read, .directory]) }
        let found = NIOLockedValueBox(digests)
        let batches = stride(from: 0, to: unknown.count, by: 128).map {
            Array(unknown[$0..<min($0 + 128, unknown.count)])
        }
        try await forEachConcurrently(batches, limit: 2) { batch in
            let read = try await FileIO.run { cancellation in
                var read: [(RelativePath, Digest)] = []
                for file in batch {
                    try cancellation.check()
                    if let digest = try Self.digest(of: file, in: root, keepsSecrets, cancellation) {
                        read.append((file.path, digest))
                    }
                }
                return read
            }
            found.withLockedValue { found in for (path, digest) in read { found[path] = digest } }
        }
        return found.withLockedValue { $0 }
    }

    /// - Returns: `nil` for a file that is gone, or is not the one that the scan saw.
    private static func digest(
        of scanned: StorageScan.ScannedFile, in root: File, _ keepsSecrets: Bool, _ cancellation: Cancellation
    ) throws -> Digest? {
        do {
            let file = try File.open(scanned.path.components, beneath: root, .read)
            guard try file.status() == scanned.status else { return nil }
            var start = ByteBuffer()
            _ = try file.read(into: &start, count: 16, at: 0)
            if DatabaseScan.isDatabase(startingWith: start.readableBytesView),
                let text = scanned.path.utf8String,
                let database = try DatabaseFile.at(String(decoding: root.joined(Array(text.utf8)), as: UTF8.self)),
                let image = try? DatabaseImage.capture(
                    database, keepingSecrets: keepsSecrets, cancellation: cancellation)
            {
                // The store has images of databases, which are not their bytes.
                return try Digest(of: image.file)
            }
            let digest = try Digest(of: file)
            return try file.status() == scanned.status ? digest : nil
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }
}
