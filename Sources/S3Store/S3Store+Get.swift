import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ObjectStore

extension S3Store {
    public func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        if let range, range.isEmpty {
            // HTTP has no empty ranges.
            let info = try await head(key)
            if let ifMatch, info.etag != ifMatch {
                throw StoreError(.preconditionFailed, "read", key: key, "has been replaced by another version")
            }
            return ObjectContent(info: info, range: range, chunks: AnyChunks(ByteBuffer()))
        }
        let opened = try await open(key, range: range, ifMatch: ifMatch)
        return ObjectContent(
            info: opened.info, range: opened.range, chunks: AnyChunks(ResumingBody(store: self, first: opened)))
    }

    /// Sends one GET and checks that its head fits what was asked for.
    func open(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> OpenedObject {
        var call = S3Call(.getObject, "GET", key: key.text)
        if let range { call.headers.append(("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")) }
        if let ifMatch { call.headers.append(("if-match", ifMatch.text)) }
        if configuration.isAWS { call.headers.append(("x-amz-checksum-mode", "ENABLED")) }
        let sent = call
        return try await sender.send(sent) { response in
            let headers = ObjectHeaders(response.headers)
            let part = try answeredRange(headers, asked: range, response, sent)
            let size = headers.contentRange?.total ?? part.upperBound
            return OpenedObject(
                info: info(key, headers, size: size), range: part, body: response.body,
                // A checksum covers the whole object, so it says nothing of a part.
                checksums: range == nil ? headers.checksums : nil)
        }
    }

    private func answeredRange(
        _ headers: ObjectHeaders, asked: Range<Int64>?, _ response: HTTPClientResponse, _ call: S3Call
    ) throws -> Range<Int64> {
        let head = ServiceResponse(
            operation: call.operation, status: Int(response.status.code), headers: response.headers)
        guard let asked else {
            guard let length = headers.contentLength else { throw ServiceError(head, unreadable: "it has no length") }
            return 0..<length
        }
        // Some servers send the range with status 200, so the header decides.
        guard let bytes = headers.contentRange?.bytes else {
            throw ServiceError(head, unreadable: "it is the whole object where a range was asked for")
        }
        let part = bytes.lowerBound..<bytes.upperBound + 1
        guard part.lowerBound == asked.lowerBound, part.upperBound <= asked.upperBound,
            part.upperBound == asked.upperBound || part.upperBound == headers.contentRange?.total
        else {
            throw ServiceError(head, unreadable: "it holds other bytes than were asked for")
        }
        return part
    }
}

/// An object whose head has arrived and whose body is on its way.
struct OpenedObject: Sendable {
    let info: ObjectInfo
    let range: Range<Int64>
    let body: HTTPClientResponse.Body
    let checksums: Checksums?
}

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
                do {
                    if let chunk = try await body.next() { return try await accept(chunk) }
                    guard offset < first.range.upperBound else { return try finish() }
                } catch {
                    if error is StoreError { throw error }
                    guard TransportFailure(error) != nil, !Task.isCancelled else {
                        throw StoreError(.cancelled, "read", key: first.info.key, "was cancelled")
                    }
                    if resumptions == store.configuration.attempts { throw brokenOff(transportReason(error)) }
                }
                try await resume()
            }
        }

        private mutating func accept(_ chunk: ByteBuffer) async throws -> ByteBuffer {
            offset += Int64(chunk.readableBytes)
            guard offset <= first.range.upperBound else { throw brokenOff("more bytes came than were announced") }
            try await store.sender.transport.limiter?.wait(for: chunk.readableBytes)
            store.sender.transport.meter.count(received: Int64(chunk.readableBytes))
            checksum?.update(chunk)
            return chunk
        }

        private func finish() throws -> ByteBuffer? {
            guard let checksum, !checksum.isRight else { return nil }
            throw brokenOff("its \(checksum.algorithm) checksum is not the one that the store keeps")
        }

        private mutating func resume() async throws {
            // Without a version to hold on to, the rest could be that of another object.
            guard let etag = first.info.etag, resumptions < store.configuration.attempts else {
                throw brokenOff("only \(offset - first.range.lowerBound) of \(first.range.count) bytes came")
            }
            resumptions += 1
            let wait = store.sender.backoff.delay(
                afterAttempt: resumptions, isThrottling: false, random: Double.random(in: 0..<1))
            try await Task.sleep(for: .seconds(wait))
            body = try await store.open(first.info.key, range: offset..<first.range.upperBound, ifMatch: etag)
                .body.makeAsyncIterator()
        }

        private func brokenOff(_ reason: String) -> StoreError {
            var error = StoreError(
                .corrupt, "read", key: first.info.key, reason, hint: "Run the command again; nothing was changed here.")
            error.bucket = store.configuration.bucket
            return error
        }
    }
}
