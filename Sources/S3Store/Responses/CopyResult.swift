import FoundationEssentials
import NIOHTTP1

/// The answer of `CopyObject` or `UploadPartCopy`.
struct CopyResult: ResponseDocument {
    static let roots = ["CopyObjectResult", "CopyPartResult"]

    let etag: String?
    let lastModified: Date?
    let versionID: String?
    let checksums: Checksums

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        etag = root.string("ETag")
        lastModified = root.instant("LastModified")
        versionID = response.headers.first(name: "x-amz-version-id")
        checksums = Checksums(root)
    }
}
