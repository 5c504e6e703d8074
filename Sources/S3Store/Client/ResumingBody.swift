import AsyncHTTPClient
import NIOCore
import ObjectStore

/// The body of an object. If the connection breaks, the rest is asked for again, of the same version.
struct ResumingBody: AsyncSequence, Sendable {
    let store: S3Store
    let first: OpenedObject

    func makeAsyncIterator() -> Iterator {
        Iterator(
            store: store, first: first, offset: first.range.lowerBound, body: first.body.makeAsyncIterator(),
            checksum: first.checksums.flatMap { RunningChecksum($0) })
    }

    struct Iterator: AsyncIteratorProtocol {
        let store: S3Store
        let first: OpenedObject
        var offset: Int64
        var body: HTTPClientResponse.Body.AsyncIterator
        var checksum: RunningChecksum?
        var resumptions = 0

        mutating func next() async throws -> ByteBuffer? {
            while true {
                let chunk: ByteBuffer?
                do { chunk = try await body.next() } catch {
                    guard TransportFailure(error) != nil, !Task.isCancelled else { throw cancelled() }
                    try await resume(after: transportReason(error))
                    continue
                }
                if let chunk { return try await accept(chunk) }
                if offset == first.range.upperBound { return try finish() }
                try await resume(after: "the answer ended early")
            }
        }

        private mutating func accept(_ chunk: ByteBuffer) async throws -> ByteBuffer {
            offset += Int64(chunk.readableBytes)
            guard offset <= first.range.upperBound else {
                throw failure(.corrupt, "more bytes came than were announced")
            }
            do { try await store.sender.transport.limiter?.wait(for: chunk.readableBytes) } catch { throw cancelled() }
            store.sender.transport.meter.count(received: Int64(chunk.readableBytes))
            checksum?.update(chunk)
            return chunk
        }

        private func finish() throws -> ByteBuffer? {
            guard let checksum, !checksum.isRight else { return nil }
            throw failure(.corrupt, "its \(checksum.algorithm) checksum is not the one that the store keeps")
        }

        /// Opens the rest.
        /// - Throws: ``StoreError``: `unreachable` after as many attempts as a request has, `preconditionFailed` if
        ///   another version is there now.
        private mutating func resume(after reason: String) async throws {
            // Without a version to hold on to, the rest could be that of another object.
            guard let etag = first.info.etag, resumptions + 1 < store.configuration.attempts else {
                let missing = "only \(offset - first.range.lowerBound) of \(first.range.count) bytes came: \(reason)"
                throw failure(.unreachable, missing)
            }
            resumptions += 1
            let sender = store.sender
            let wait = sender.backoff.delay(
                afterAttempt: resumptions, isThrottling: false, random: sender.timing.random())
            do { try await sender.timing.wait(wait) } catch { throw cancelled() }
            let rest = try await store.open(first.info.key, range: offset..<first.range.upperBound, ifMatch: etag)
            guard rest.range.upperBound == first.range.upperBound else {
                throw failure(.corrupt, "it has become shorter while it was read")
            }
            body = rest.body.makeAsyncIterator()
        }

        private func failure(_ kind: StoreError.Kind, _ reason: String) -> StoreError {
            var error = StoreError(
                kind, "read", key: first.info.key, reason, hint: "Run the command again; nothing was changed here.")
            error.bucket = store.configuration.bucket
            error.attempts = resumptions + 1
            return error
        }

        private func cancelled() -> StoreError { StoreError(.cancelled, "read", key: first.info.key, "was cancelled") }
    }
}
