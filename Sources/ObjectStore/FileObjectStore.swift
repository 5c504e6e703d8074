import FileIO
import NIOCore

/// A store in a local directory: the embedded default, which needs no server.
///
/// Objects are plain files below the root, so a person can look at them (the name mapping is ``FileKeyPath``). A write
/// goes to a temporary file, is brought to the disk and then takes its name in one step: `rename` to replace, `link` to
/// create. No symbolic link below the root is followed, and no key leads out of it.
public struct FileObjectStore: ObjectStore {
    /// Absolute path of the directory; it is made by the first write.
    public let root: String
    private let meter: TransferMeter
    private static let pieceSize: Int64 = 1 << 20

    public init(root: String, meter: TransferMeter = TransferMeter()) {
        self.root = root
        self.meter = meter
    }

    public var capabilities: StoreCapabilities { StoreCapabilities(createOnly: .enforced, deleteBatch: 1000) }
    public var location: String { "file://\(root)" }

    public func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        let (file, info) = try await io("read", key) { try open(key) }
        if let ifMatch, ifMatch != info.etag {
            throw StoreError(.preconditionFailed, "read", key: key, "has been replaced by another version")
        }
        let wanted = range ?? 0..<info.size
        guard wanted.lowerBound < info.size || wanted.isEmpty else {
            throw StoreError(.invalid, "read", key: key, "starts at byte \(wanted.lowerBound) of \(info.size)")
        }
        let bytes = wanted.clamped(to: 0..<info.size)
        return ObjectContent(
            info: info, range: bytes, chunks: AnyChunks(FileChunks(file: file, range: bytes, key: key, meter: meter)))
    }

    public func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        try await io("look at", key) { try open(key).info }
    }

    @discardableResult
    public func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await publish(key, rule) { file throws(StoreError) in
            meter.count(sent: try await write(body, to: file, key))
        }
    }

    /// Writes an object of which only some pieces are given; the rest is holes, which take no room on the disk and read as
    /// zeros.
    /// - Parameters:
    ///   - length: of the object, in bytes.
    ///   - fill: writes the pieces at their offsets.
    /// - Throws: ``StoreError``, that of `fill` included.
    public func put(
        _ key: ObjectKey, length: Int64, filling fill: (File) async throws -> Void
    ) async throws(StoreError) {
        try await publish(key, .overwrite) { file throws(StoreError) in
            do {
                try await FileIO.run { try file.truncate(to: length) }
                try await fill(file)
            } catch {
                throw StoreError(wrapping: error, "write", key: key)
            }
        }
    }

    /// Makes a temporary file, lets it be filled, and gives it the name of the object.
    @discardableResult
    private func publish(
        _ key: ObjectKey, _ rule: WriteRule, _ fill: (File) async throws(StoreError) -> Void
    ) async throws(StoreError) -> ObjectInfo {
        let path = try FileKeyPath(key)
        let (staging, name, file) = try await io("write", key) {
            try makeDirectories(root)
            let top = try File.open(root, [.read, .directory])
            try top.makeDirectory(FileKeyPath.stagingName)
            let staging = try File.open(FileKeyPath.stagingName, in: top, [.read, .directory, .noFollow])
            let name = FileIO.temporaryName("put-")
            return (staging, name, try File.open(name, in: staging, [.write, .createNew]))
        }
        do {
            try await fill(file)
            return try await io("write", key, requests: 0) {
                try file.sync()
                try publish(name, in: staging, as: path, rule)
                return Self.info(key, try file.status())
            }
        } catch {
            // The temporary file is in nobody's way; a failure to remove it must not hide the error that led here.
            await FileIO.cleanUp { try? staging.remove(name) }
            throw error
        }
    }

    public func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await io("list", nil) {
            // A root that was never written to is an empty store.
            guard let top = try openRoot() else { return ObjectPage(objects: [], next: nil) }
            var walk = FileStoreWalk(prefix: prefix, after: token, limit: limit)
            try walk.visit(top, below: "")
            return walk.page
        }
    }

    public func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        var failures: [DeleteFailure] = []
        for key in keys {
            do throws(StoreError) {
                let path = try FileKeyPath(key)
                try await io("delete", key) { try remove(path) }
            } catch {
                failures.append(DeleteFailure(key: key, error: error))
            }
        }
        return failures
    }

    public func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        let (stored, info) = try await io("compare", object.key) { try open(object.key) }
        let here = try await BodyReader(body, for: "compare", key: object.key)
        guard here.size == info.size else { return false }
        let there = try await BodyReader(.file(stored), for: "compare", key: object.key)
        for range in there.pieces(of: Self.pieceSize) {
            guard try await here.read(range) == there.read(range) else { return false }
        }
        return true
    }

    // MARK: Blocking parts

    private func open(_ key: ObjectKey) throws -> (file: File, info: ObjectInfo) {
        let path = try FileKeyPath(key)
        let file: File
        do {
            file = try File.open(path.name, in: try directory(of: path), [.read, .noFollow])
        } catch  where error.isNotFound {
            throw StoreError(.notFound, "read", key: key, "does not exist")
        }
        let status = try file.status()
        guard status.kind == .regular else { throw StoreError(.notFound, "read", key: key, "does not exist") }
        return (file, Self.info(key, status))
    }

    private func write(_ body: ObjectBody, to file: File, _ key: ObjectKey) async throws(StoreError) -> Int64 {
        let content = try await BodyReader(body, for: "write", key: key)
        for range in content.pieces(of: Self.pieceSize) {
            let piece = try await content.read(range)
            try await io("write", key, requests: 0) { try file.write(piece, at: range.lowerBound) }
        }
        try await content.checkUnchanged()
        return content.size
    }

    static func info(_ key: ObjectKey, _ status: FileStatus) -> ObjectInfo {
        // Every write makes a new inode, so these three change with the content.
        let version = [UInt64(status.size), UInt64(bitPattern: status.modified), status.inode]
        let etag = ETag("\"" + version.map { String($0, radix: 16) }.joined(separator: "-") + "\"")
        return ObjectInfo(key: key, size: status.size, etag: etag, lastModified: status.modified)
    }

    private func io<T: Sendable>(
        _ operation: String, _ key: ObjectKey?, requests: Int = 1, _ work: @escaping @Sendable () throws -> T
    ) async throws(StoreError) -> T {
        meter.count(requests: requests)
        do {
            try Task.checkCancellation()
            return try await FileIO.run(work)
        } catch let error as FileError where error.isAccessDenied {
            throw StoreError(
                .denied, operation, key: key, error.description, hint: "Check the owner and the rights of \(root).")
        } catch {
            throw StoreError(wrapping: error, operation, key: key)
        }
    }
}

/// Reads a range of an open file, piece by piece.
private struct FileChunks: AsyncSequence, Sendable {
    let file: File
    let range: Range<Int64>
    let key: ObjectKey
    let meter: TransferMeter

    func makeAsyncIterator() -> Iterator { Iterator(chunks: self, offset: range.lowerBound) }

    struct Iterator: AsyncIteratorProtocol {
        let chunks: FileChunks
        var offset: Int64

        mutating func next() async throws -> ByteBuffer? {
            guard offset < chunks.range.upperBound else { return nil }
            try Task.checkCancellation()
            let (file, start) = (chunks.file, offset)
            let count = Int(Swift.min(256 * 1024, chunks.range.upperBound - start))
            let buffer = try await FileIO.run {
                var buffer = ByteBuffer()
                buffer.reserveCapacity(count)
                _ = try file.read(into: &buffer, count: count, at: start)
                return buffer
            }
            guard buffer.readableBytes == count else {
                throw StoreError(.corrupt, "read", key: chunks.key, "ended early at byte \(start)")
            }
            chunks.meter.count(received: Int64(count))
            offset += Int64(count)
            return buffer
        }
    }
}
