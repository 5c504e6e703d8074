import NIOHTTP1

/// An answer that has been read completely: everything but the body of an object.
struct ServiceResponse: Sendable {
    let operation: ServiceOperation
    let status: Int
    let headers: HTTPHeaders
    var body: [UInt8] = []
    /// Whether the request carried `encoding-type=url`, so that names in the answer have to be decoded.
    var asksURLEncoding = false

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// A document that an operation answers with, and the root elements it may have.
protocol ResponseDocument: Sendable {
    static var roots: [String] { get }
    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer)
}

extension ServiceResponse {
    /// Reads the document of a successful answer.
    ///
    /// - Throws: ``ServiceError`` for an error, also for one that arrives with status 200 (Amazon S3 API Reference,
    ///   `CompleteMultipartUpload` and `CopyObject`), and for a body that is cut, empty, or not the expected document:
    ///   an answer that cannot be read is never taken for an empty one.
    func document<Document: ResponseDocument>(
        _ type: Document.Type = Document.self
    ) throws(ServiceError) -> Document {
        guard isSuccess else { throw ServiceError(self) }
        do {
            let root = try parsedBody()
            if ServiceError.isError(root) { throw ServiceError(self, document: root) }
            guard Document.roots.contains(where: { $0 == root.name }) else {
                throw UnreadableAnswer("its root element is <\(root.name)>")
            }
            return try Document(root, of: self)
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError(self, unreadable: "\(error)")
        }
    }

    /// Checks an answer that says all in its headers.
    ///
    /// A body is no reason for refusal in itself, but an error document, or something that is no XML at all (the page
    /// of a proxy, say), is: then the request may never have reached the store.
    func withoutDocument() throws(ServiceError) -> HTTPHeaders {
        guard isSuccess else { throw ServiceError(self) }
        guard !body.allSatisfy({ $0 <= 0x20 }) else { return headers }
        let root: XMLElement
        do { root = try parsedBody() } catch { throw ServiceError(self, unreadable: "\(error)") }
        if ServiceError.isError(root) { throw ServiceError(self, document: root) }
        if root.name.lowercased() == "html" { throw ServiceError(self, unreadable: "it is a web page") }
        return headers
    }

    private func parsedBody() throws(UnreadableAnswer) -> XMLElement {
        do { return try XMLElement.parse(body) } catch { throw UnreadableAnswer("\(error)") }
    }
}

/// Why a successful answer could not be used.
struct UnreadableAnswer: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
