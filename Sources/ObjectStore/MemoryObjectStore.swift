import NIOConcurrencyHelpers
import NIOCore

/// A store in memory, with the semantics of S3: for tests, and for trying things out.
public final class MemoryObjectStore: ObjectStore {
    private struct Stored: Sendable {
        var content: ByteBuffer
        var version: Int
    }

    private struct State: Sendable {
        var objects: [ObjectKey: Stored] = [:]
        var writes = 0
    }

    private let state = NIOLockedValueBox(State())
    private let meter: TransferMeter

    public init(meter: TransferMeter = TransferMeter()) { self.meter = meter }

    public var capabilities: StoreCapabilities { StoreCapabilities(createOnly: .enforced, deleteBatch: 1000) }
    public var location: String { "memory" }

    public func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        let stored = try find(key, "read")
        let info = Self.info(key, stored)
        if let ifMatch, ifMatch != info.etag {
            throw StoreError(.preconditionFailed, "read", key: key, "has been replaced by another version")
        }
        let wanted = range ?? 0..<info.size
        guard wanted.lowerBound < info.size || wanted.isEmpty else {
            throw StoreError(.invalid, "read", key: key, "starts at byte \(wanted.lowerBound) of \(info.size)")
        }
        let bytes = wanted.clamped(to: 0..<info.size)
        let start = stored.content.readerIndex + Int(bytes.lowerBound)
        let slice = stored.content.getSlice(at: start, length: bytes.count) ?? ByteBuffer()
        meter.count(received: Int64(bytes.count))
        return ObjectContent(info: info, range: bytes, chunks: AnyChunks(slice))
    }

    public func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        Self.info(key, try find(key, "look at"))
    }

    @discardableResult
    public func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        if Task.isCancelled { throw StoreError(.cancelled, "write", key: key, "was cancelled") }
        let content = try await read(body, for: "write", key)
        meter.count(requests: 1, sent: Int64(content.readableBytes))
        let stored: Stored? = state.withLockedValue { state in
            if rule == .createOnly, state.objects[key] != nil { return nil }
            state.writes += 1
            let stored = Stored(content: content, version: state.writes)
            state.objects[key] = stored
            return stored
        }
        guard let stored else { throw StoreError(.alreadyExists, "create", key: key, "already exists") }
        return Self.info(key, stored)
    }

    public func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        meter.count(requests: 1)
        let matching = state.withLockedValue { state in
            state.objects.filter { key, _ in
                guard key.hasPrefix(prefix) else { return false }
                guard let token else { return true }
                return ObjectKey(token) < key
            }
        }
        let objects = matching.map { Self.info($0.key, $0.value) }.sorted { $0.key < $1.key }
        let page = Array(objects.prefix(limit))
        return ObjectPage(objects: page, next: objects.count > limit ? page.last?.key.text : nil)
    }

    public func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        meter.count(requests: 1)
        state.withLockedValue { state in
            for key in keys { state.objects[key] = nil }
        }
        return []
    }

    public func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        let stored = try find(object.key, "compare")
        return try await read(body, for: "compare", object.key) == stored.content
    }

    private func read(_ body: ObjectBody, for operation: String, _ key: ObjectKey) async throws(StoreError)
        -> ByteBuffer
    {
        let reader = try await BodyReader(body, for: operation, key: key)
        let content = try await reader.read(0..<reader.size)
        try await reader.checkUnchanged()
        return content
    }

    private func find(_ key: ObjectKey, _ operation: String) throws(StoreError) -> Stored {
        meter.count(requests: 1)
        guard let stored = state.withLockedValue({ $0.objects[key] }) else {
            throw StoreError(.notFound, operation, key: key, "does not exist")
        }
        return stored
    }

    private static func info(_ key: ObjectKey, _ stored: Stored) -> ObjectInfo {
        ObjectInfo(
            key: key, size: Int64(stored.content.readableBytes), etag: ETag("\"version-\(stored.version)\""),
            lastModified: Int64(stored.version))
    }
}
