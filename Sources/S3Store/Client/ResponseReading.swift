import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ObjectStore

extension HTTPClientResponse {
    /// Reads the whole body into memory.
    /// - Parameter limit: bytes; a longer body is an answer that cannot be used.
    /// - Throws: ``ServiceError`` for a body that is too long, or what the transport throws.
    func collected(_ call: S3Call, upTo limit: Int) async throws -> ServiceResponse {
        var bytes: [UInt8] = []
        for try await chunk in body {
            guard bytes.count + chunk.readableBytes <= limit else {
                let head = ServiceResponse(operation: call.operation, status: Int(status.code), headers: headers)
                throw ServiceError(head, unreadable: "it is longer than \(limit) bytes")
            }
            bytes += chunk.readableBytesView
        }
        return ServiceResponse(
            operation: call.operation, status: Int(status.code), headers: headers, body: bytes,
            asksURLEncoding: call.asksURLEncoding)
    }
}

extension RequestSender {
    /// The longest document that is read: a page of 1,000 keys of 1,024 bytes, each byte escaped, is below it.
    static let longestDocument = 16 << 20

    /// Sends a call that is answered with a document.
    func document<Document: ResponseDocument>(
        _ call: S3Call, _ type: Document.Type = Document.self
    ) async throws(StoreError) -> Document {
        try await send(call) { response in
            try await response.collected(call, upTo: Self.longestDocument).document(type)
        }
    }

    /// Sends a call whose answer is all in its headers.
    func headers(_ call: S3Call) async throws(StoreError) -> HTTPHeaders {
        try await send(call) { response in
            try await response.collected(call, upTo: Self.longestDocument).withoutDocument()
        }
    }
}
