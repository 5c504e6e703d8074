import Basics

/// The path of a request, percent-encoded exactly once.
///
/// It is made from decoded pieces only, so nothing can be encoded twice, and nothing is normalised: `//`, `.` and
/// `..` are ordinary parts of an object's key. Its text is both the wire form and the canonical form of the path
/// (S3 differs here from other AWS services, which encode the canonical path a second time).
struct RequestPath: Sendable, Equatable {
    /// The encoded text: empty, or starting with `/`.
    private(set) var text: String

    /// The empty path, as of an endpoint without a base path.
    static let empty = RequestPath(text: "")

    private init(text: String) { self.text = text }

    /// Encodes a whole path whose `/` are separators.
    init(decoded: some Sequence<UInt8>) {
        text = PercentEncoding.encode(decoded, keepingSlashes: true)
    }

    /// Adds `/` and one segment, in which a `/` is encoded as well: a bucket.
    func appending(segment: some Sequence<UInt8>) -> RequestPath {
        RequestPath(text: text + "/" + PercentEncoding.encode(segment))
    }

    /// Adds `/` and the key of an object. A `/` at the end of a base path is not repeated, one at the start of
    /// the key is part of the key and stays.
    func appending(key: some Sequence<UInt8>) -> RequestPath {
        RequestPath(text: (text.hasSuffix("/") ? text : text + "/") + PercentEncoding.encode(key, keepingSlashes: true))
    }

    /// Ends the path with `/`.
    var withTrailingSlash: RequestPath { RequestPath(text: text + "/") }
}
