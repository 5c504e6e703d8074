import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

/// A store that reads a bucket at once and without faults, and notes which packs were read.
struct BucketStore: ObjectStore {
    let bucket: Bucket
    /// Whether all is read as it was written, whatever has become of it.
    let isIntact: Bool
    private let read = NIOLockedValueBox<Set<ObjectKey>>([])

    init(_ bucket: Bucket, isIntact: Bool) {
        self.bucket = bucket
        self.isIntact = isIntact
    }

    var capabilities: StoreCapabilities {
        StoreCapabilities(createOnly: bucket.conditions.declared, deleteBatch: 1000)
    }
    var location: String { "simulated" }

    /// The packs that were read since the last call.
    func takeRead() -> Set<ObjectKey> {
        read.withLockedValue { read in
            defer { read = [] }
            return read
        }
    }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        guard let info = bucket.info(key), let content = isIntact ? bucket[key]?.content : bucket.content(key) else {
            throw StoreError(.notFound, "read", key: key, "does not exist")
        }
        let size = Int64(content.readableBytes)
        if key.text.contains("/packs/") { read.withLockedValue { _ = $0.insert(key) } }
        let bytes = (range ?? 0..<size).clamped(to: 0..<size)
        let slice = content.getSlice(at: content.readerIndex + Int(bytes.lowerBound), length: bytes.count)
        return ObjectContent(info: info, range: bytes, chunks: AnyChunks(slice ?? ByteBuffer()))
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        guard let info = bucket.info(key), bucket.content(key) != nil else {
            throw StoreError(.notFound, "look at", key: key, "does not exist")
        }
        return info
    }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        bucket.page(prefix: prefix, after: token, limit: limit)
    }

    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        throw StoreError(.unsupported, "write", key: key, "this is for reading")
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        throw StoreError(.unsupported, "delete", key: keys.first, "this is for reading")
    }

    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool { false }
}

/// Runs work that waits for nothing, on this thread.
func runNow<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
    let executor = SimulatedExecutor()
    let result = NIOLockedValueBox<Result<Value, any Error>?>(nil)
    _ = Task(executorPreference: executor) {
        let value: Result<Value, any Error>
        do { value = .success(try await work()) } catch { value = .failure(error) }
        result.withLockedValue { $0 = value }
    }
    executor.drain()
    guard let value = result.withLockedValue({ $0 }) else { throw Violation("reading the bucket waited for something") }
    return try value.get()
}
