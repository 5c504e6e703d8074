import NIOCore
import ObjectStore

/// The simulated store, as one process reaches it.
package struct SimulatedStore: ObjectStore {
    let client: ClientWorld

    package var capabilities: StoreCapabilities {
        StoreCapabilities(createOnly: client.world.bucket.conditions.declared, deleteBatch: 1000)
    }
    package var location: String { "simulated" }

    package func get(
        _ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?
    ) async throws(StoreError) -> ObjectContent {
        let request = StoreRequest.get(key, range, ifMatch: ifMatch)
        guard case .content(let info, let range, let bytes, let broken) = try await call(request) else {
            throw unexpected(request)
        }
        let chunks = broken.map { AnyChunks(BrokenChunks(bytes: bytes, key: key, kind: $0)) } ?? AnyChunks(bytes)
        return ObjectContent(info: info, range: range, chunks: chunks)
    }

    package func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        let request = StoreRequest.head(key)
        guard case .info(let info) = try await call(request) else { throw unexpected(request) }
        return info
    }

    @discardableResult
    package func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        let request = StoreRequest.put(key, try await read(body, "write", key), rule)
        guard case .info(let info) = try await call(request) else { throw unexpected(request) }
        return info
    }

    package func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        let request = StoreRequest.page(prefix: prefix, after: token, limit: limit)
        guard case .page(let page) = try await call(request) else { throw unexpected(request) }
        return page
    }

    package func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        if keys.isEmpty { return [] }
        let request = StoreRequest.delete(keys)
        guard case .failures(let failures) = try await call(request) else { throw unexpected(request) }
        return failures
    }

    package func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        let request = StoreRequest.holds(object.key, try await read(body, "compare", object.key))
        guard case .same(let same) = try await call(request) else { throw unexpected(request) }
        return same
    }

    private func call(_ request: StoreRequest) async throws(StoreError) -> StoreAnswer {
        try await client.world.call(request, from: client.id)
    }

    private func unexpected(_ request: StoreRequest) -> StoreError {
        request.error(.invalid, "the simulation answered with something else")
    }

    private func read(_ body: ObjectBody, _ verb: String, _ key: ObjectKey) async throws(StoreError) -> ByteBuffer {
        guard case .bytes(let bytes) = body else {
            throw StoreError(.invalid, verb, key: key, "the simulation has no files")
        }
        return bytes
    }
}

/// Content that ends before it is complete.
private struct BrokenChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let bytes: ByteBuffer
    let key: ObjectKey
    let kind: StoreError.Kind

    struct Iterator: AsyncIteratorProtocol {
        var bytes: ByteBuffer?
        let key: ObjectKey
        let kind: StoreError.Kind
        mutating func next() async throws -> ByteBuffer? {
            guard let rest = bytes else { throw StoreError(kind, "read", key: key, "the content ended early") }
            bytes = nil
            return rest
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(bytes: bytes, key: key, kind: kind) }
}
