import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ObjectStore

extension S3Store {
    public func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        if let range, range.isEmpty {
            // HTTP has no empty ranges.
            let info = try await head(key)
            if let ifMatch, info.etag != ifMatch { throw replaced(key) }
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
        if configuration.keepsChecksums { call.headers.append(("x-amz-checksum-mode", "ENABLED")) }
        let sent = call
        return try await sender.send(sent) { response in
            let headers = ObjectHeaders(response.headers)
            // Some servers do not know the condition, and send whatever is there.
            if let ifMatch, let etag = headers.etag, unquoted(etag) != unquoted(ifMatch.text) { throw replaced(key) }
            let part = try answeredRange(headers, asked: range, response, sent)
            let size = headers.contentRange?.total ?? part.upperBound
            return OpenedObject(
                info: info(key, headers, size: size), range: part, body: response.body,
                // A checksum covers the whole object, so it says nothing of a part.
                checksums: range == nil ? headers.checksums : nil)
        }
    }

    /// Some servers quote a tag in one answer and not in the next.
    private func unquoted(_ tag: String) -> String { tag.filter { $0 != "\"" } }

    private func replaced(_ key: ObjectKey) -> StoreError {
        StoreError(.preconditionFailed, "read", key: key, "has been replaced by another version")
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
        guard bytes.upperBound < Int64.max else { throw ServiceError(head, unreadable: "its range has no end") }
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
