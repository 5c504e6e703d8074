import NIOHTTP1

/// A service's refusal of a request, or the fault of an answer that could not be read.
///
/// The description has the status, the code, the message and the request id, is at most ``maximumDescription``
/// characters long, and holds nothing that a terminal would obey. No secret comes into it: what may hold credentials is
/// not even kept, and a word as long as a session token is cut.
struct ServiceError: Error, Sendable {
    let operation: ServiceOperation
    /// The status as it was sent; 200 for an error that came in the body of a success.
    let status: Int
    /// The code in the body, as `NoSuchKey`; `nil` where the body had none, as for HEAD.
    let code: String?
    /// The message in the body, else the reason phrase of the status.
    let message: String
    /// The other elements of the error, as `Region` or `Endpoint`. Those that may hold credentials are left out.
    let fields: [String: String]
    /// The `x-amz-request-id` that the service's support asks for.
    let requestID: String?
    /// The `x-amz-id-2` that the service's support asks for.
    let hostID: String?

    /// The status to judge the error by: an error in the body of a success counts as 500.
    var effectiveStatus: Int { (200..<300).contains(status) ? 500 : status }

    /// Longest description, in characters.
    static let maximumDescription = 600
}

extension ServiceError {
    /// Reads an answer whose status is an error. Any body will do: without a usable one the status speaks.
    init(_ response: ServiceResponse) {
        let limits = XMLLimits(bytes: 1 << 20, depth: 16, elements: 1000)
        if let root = try? XMLElement.parse(response.body, limits: limits), Self.isError(root) {
            self.init(response, document: root)
        } else {
            let phrase = HTTPResponseStatus(statusCode: response.status).reasonPhrase
            self.init(response, code: nil, message: phrase, fields: [:], requestID: nil, hostID: nil)
        }
    }

    /// An answer with a good status that could not be read.
    init(_ response: ServiceResponse, unreadable reason: String) {
        let message = "the answer could not be used: \(reason)"
        self.init(response, code: nil, message: message, fields: [:], requestID: nil, hostID: nil)
    }

    /// Reads an error document: `<Error>` itself, or, from STS and some stores, `<Error>` inside `<ErrorResponse>`.
    init(_ response: ServiceResponse, document root: XMLElement) {
        let error = Self.error(in: root) ?? root
        var fields: [String: String] = [:]
        for child in error.children where child.children.isEmpty && !Self.isSpecial(child.name) {
            if fields[child.name] == nil { fields[child.name] = child.text }
        }
        self.init(
            response, code: error.first("Code").flatMap { $0.text.isEmpty ? nil : $0.text },
            message: error.first("Message")?.text ?? "", fields: fields,
            requestID: (root.first("RequestId") ?? root.first("RequestID") ?? error.first("RequestId"))?.text,
            hostID: error.first("HostId")?.text, documentIDsFirst: root.name != "Error")
    }

    /// Whether a document is an error; others, as the page of a proxy, are not.
    static func isError(_ root: XMLElement) -> Bool { error(in: root) != nil }

    private static func error(in root: XMLElement) -> XMLElement? {
        switch root.name {
        case "Error": root
        case "ErrorResponse", "Response": (root.first("Errors") ?? root).first("Error")
        default: nil
        }
    }

    /// The parts that have a place of their own, and those that are dropped.
    ///
    /// `Token-0` is the session token itself, and the canonical request has it among its headers.
    private static func isSpecial(_ name: String) -> Bool {
        ["Code", "Message", "RequestId", "HostId"].contains(name) || isConfidential(name)
    }

    static func isConfidential(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["token", "secret", "password", "canonicalrequest"].contains { name.contains($0) }
    }

    private init(
        _ response: ServiceResponse, code: String?, message: String, fields: [String: String], requestID: String?,
        hostID: String?, documentIDsFirst: Bool = false
    ) {
        operation = response.operation
        status = response.status
        self.code = code
        self.message = message
        self.fields = fields
        let sentID =
            response.headers.first(name: "x-amzn-RequestId") ?? response.headers.first(name: "x-amz-request-id")
        self.requestID = documentIDsFirst ? requestID ?? sentID : sentID ?? requestID
        self.hostID = response.headers.first(name: "x-amz-id-2") ?? hostID
    }
}

extension ServiceError: CustomStringConvertible, CustomDebugStringConvertible {
    var description: String {
        var text = "\(printable(operation.rawValue, 40)) failed: status \(status)"
        if let code { text += " \(printable(code, 80))" }
        if !message.isEmpty { text += ": \(printable(message, 300))" }
        if let requestID, !requestID.isEmpty { text += " (request \(printable(requestID, 100)))" }
        return text
    }
    /// The same, so that no way of printing shows more.
    var debugDescription: String { description }
}

/// Makes a stranger's text fit for a log: one line of limited length, and no word long enough for a session token.
func printable(_ text: String, _ limit: Int) -> String {
    let longestWord = 160
    var result = String.UnicodeScalarView()
    var word = 0
    for scalar in text.unicodeScalars.prefix(limit) {
        let shown =
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            ? " " : scalar
        word = shown == " " || shown == "\"" ? 0 : word + 1
        if word <= longestWord { result.append(shown) } else if word == longestWord + 1 { result.append("…") }
    }
    if text.unicodeScalars.count > limit { result.append("…") }
    return String(result)
}
