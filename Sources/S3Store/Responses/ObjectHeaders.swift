import FoundationEssentials
import NIOHTTP1

/// Facts about an object in the headers of `HeadObject`, `GetObject`, `PutObject`, `UploadPart` and `DeleteObject`.
struct ObjectHeaders: Sendable {
    let contentLength: Int64?
    let contentRange: ContentRange?
    let contentType: String?
    let contentEncoding: String?
    let acceptRanges: String?
    /// Opaque, as it was sent: with quotes, and with `W/` if weak.
    let etag: String?
    let lastModified: Date?
    let versionID: String?
    let isDeleteMarker: Bool
    /// `nil` means `STANDARD`.
    let storageClass: String?
    let serverSideEncryption: String?
    let kmsKeyID: String?
    let partsCount: Int64?
    let checksums: Checksums
    /// The user's metadata: names without `x-amz-meta-`, in the case they were sent in.
    let metadata: [String: String]

    init(_ headers: HTTPHeaders) {
        contentLength = headers.number("Content-Length")
        contentRange = headers.first(name: "Content-Range").flatMap { ContentRange($0) }
        contentType = headers.first(name: "Content-Type")
        contentEncoding = headers.first(name: "Content-Encoding")
        acceptRanges = headers.first(name: "Accept-Ranges")
        etag = headers.first(name: "ETag")
        lastModified = headers.first(name: "Last-Modified").flatMap { serverTime($0) }
        versionID = headers.first(name: "x-amz-version-id")
        isDeleteMarker = headers.first(name: "x-amz-delete-marker")?.lowercased() == "true"
        storageClass = headers.first(name: "x-amz-storage-class")
        serverSideEncryption = headers.first(name: "x-amz-server-side-encryption")
        kmsKeyID = headers.first(name: "x-amz-server-side-encryption-aws-kms-key-id")
        partsCount = headers.number("x-amz-mp-parts-count")
        checksums = Checksums(headers)
        let prefix = "x-amz-meta-"
        var metadata: [String: String] = [:]
        for (name, value) in headers where name.lowercased().hasPrefix(prefix) {
            // Fields of one name are one list (RFC 9110 §5.3).
            let name = String(name.dropFirst(prefix.count))
            metadata[name] = metadata[name].map { $0 + ", " + value } ?? value
        }
        self.metadata = metadata
    }
}

/// The part of an object that an answer holds (RFC 9110 §14.4).
struct ContentRange: Sendable, Equatable {
    /// Offsets of the first and the last byte; `nil` in an answer that says the range cannot be had.
    let bytes: ClosedRange<Int64>?
    /// The size of the whole object; `nil` if it is not told.
    let total: Int64?

    init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[0] == "*" {
            bytes = nil
        } else {
            let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
            guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, first <= last else {
                return nil
            }
            bytes = first...last
        }
        if parts[1] == "*" {
            guard bytes != nil else { return nil }
            total = nil
        } else {
            guard let size = Int64(parts[1]), size >= 0, bytes.map({ $0.upperBound < size }) ?? true else { return nil }
            total = size
        }
    }
}

extension HTTPHeaders {
    /// A header that holds a number that is not negative.
    fileprivate func number(_ name: String) -> Int64? {
        guard let value = first(name: name).flatMap({ Int64($0) }), value >= 0 else { return nil }
        return value
    }
}
