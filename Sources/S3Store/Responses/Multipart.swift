import FoundationEssentials
import NIOHTTP1

/// The answer of `CreateMultipartUpload`.
struct CreatedUpload: ResponseDocument {
    /// The second is what gofakes3 sends, on which `rclone serve s3` is built.
    static let roots = ["InitiateMultipartUploadResult", "InitiateMultipartUpload"]

    let bucket: String?
    let key: String?
    let uploadID: String

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        bucket = root.string("Bucket")
        key = root.string("Key")
        uploadID = try root.required("UploadId")
        if uploadID.isEmpty { throw UnreadableAnswer("its <UploadId> is empty") }
    }
}

/// The answer of `CompleteMultipartUpload`.
struct CompletedUpload: ResponseDocument {
    static let roots = ["CompleteMultipartUploadResult"]

    let location: String?
    let bucket: String?
    let key: String?
    let etag: String?
    let versionID: String?
    let checksums: Checksums

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        location = root.string("Location")
        bucket = root.string("Bucket")
        key = root.string("Key")
        etag = root.string("ETag")
        versionID = response.headers.first(name: "x-amz-version-id")
        checksums = Checksums(root)
    }
}

/// One part of an upload in progress.
struct ListedPart: Sendable {
    let number: Int64
    let size: Int64?
    let etag: String?
    let lastModified: Date?
    let checksums: Checksums
}

/// One page of `ListParts`.
struct PartPage: ResponseDocument {
    static let roots = ["ListPartsResult"]

    let bucket: String?
    let key: String?
    let uploadID: String?
    let storageClass: String?
    let owner: Owner?
    let initiator: Owner?
    let maxParts: Int64?
    let parts: [ListedPart]
    let isTruncated: Bool
    let partNumberMarker: Int64?
    /// Where the next page has to start.
    let nextPartNumberMarker: Int64?

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        bucket = root.string("Bucket")
        key = root.string("Key")
        uploadID = root.string("UploadId")
        storageClass = root.string("StorageClass")
        owner = root.first("Owner").map { Owner($0) }
        initiator = root.first("Initiator").map { Owner($0) }
        maxParts = try root.integer("MaxParts")
        isTruncated = try root.flag("IsTruncated")
        partNumberMarker = try root.integer("PartNumberMarker")
        nextPartNumberMarker = try root.integer("NextPartNumberMarker")
        var parts: [ListedPart] = []
        for element in root.children where element.name == "Part" {
            guard let number = try element.integer("PartNumber") else {
                throw UnreadableAnswer("a <Part> has no <PartNumber>")
            }
            parts.append(
                ListedPart(
                    number: number, size: try element.size("Size"), etag: element.string("ETag"),
                    lastModified: element.instant("LastModified"), checksums: Checksums(element)))
        }
        self.parts = parts
    }
}

/// One upload in progress.
struct ListedUpload: Sendable {
    let key: String
    let uploadID: String
    let initiated: Date?
    let storageClass: String?
    let owner: Owner?
    let initiator: Owner?
}

/// One page of `ListMultipartUploads`.
struct UploadPage: ResponseDocument {
    static let roots = ["ListMultipartUploadsResult"]

    let bucket: String?
    let prefix: String?
    let delimiter: String?
    let encodingType: String?
    let maxUploads: Int64?
    let uploads: [ListedUpload]
    let commonPrefixes: [String]
    let isTruncated: Bool
    let keyMarker: String?
    let uploadIDMarker: String?
    /// Where the next page has to start.
    let nextKeyMarker: String?
    let nextUploadIDMarker: String?

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        let names = NameDecoder(root, of: response)
        bucket = root.string("Bucket")
        prefix = try names.decode(root.string("Prefix"))
        delimiter = try names.decode(root.string("Delimiter"))
        encodingType = root.string("EncodingType")
        maxUploads = try root.integer("MaxUploads")
        isTruncated = try root.flag("IsTruncated")
        keyMarker = try names.decode(root.string("KeyMarker"))
        uploadIDMarker = root.string("UploadIdMarker")
        nextKeyMarker = try names.decode(root.string("NextKeyMarker"))
        nextUploadIDMarker = root.string("NextUploadIdMarker")
        commonPrefixes = try root.commonPrefixes(names)
        var uploads: [ListedUpload] = []
        for element in root.children where element.name == "Upload" {
            uploads.append(
                ListedUpload(
                    key: try names.decode(element.required("Key")), uploadID: try element.required("UploadId"),
                    initiated: element.instant("Initiated"), storageClass: element.string("StorageClass"),
                    owner: element.first("Owner").map { Owner($0) },
                    initiator: element.first("Initiator").map { Owner($0) }))
        }
        self.uploads = uploads
    }
}
