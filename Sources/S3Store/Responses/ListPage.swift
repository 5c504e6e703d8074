import FoundationEssentials

/// One object of a listing. Its key is compared by bytes: two keys that look alike are two objects.
struct ListedObject: Sendable {
    let key: String
    let size: Int64?
    /// Opaque, with its quotes, as it was sent.
    let etag: String?
    let lastModified: Date?
    let storageClass: String?
    let checksumAlgorithms: [String]
    let owner: Owner?
}

/// Owner of an object or an upload, where the store tells.
struct Owner: Sendable {
    let id: String?
    let displayName: String?
}

/// One page of `ListObjectsV2`, or of the older `ListObjects`.
struct ListPage: ResponseDocument {
    static let roots = ["ListBucketResult"]

    let name: String?
    let prefix: String?
    let delimiter: String?
    let startAfter: String?
    let encodingType: String?
    let maxKeys: Int64?
    let keyCount: Int64?
    let contents: [ListedObject]
    let commonPrefixes: [String]
    let isTruncated: Bool
    /// Version 2: the token that was sent, and the one for the next page. Some stores leave the latter out.
    let continuationToken: String?
    let nextContinuationToken: String?
    /// Version 1: the marker that was sent, and the one for the next page, which is given only with a delimiter.
    let marker: String?
    let nextMarker: String?

    /// Where a next page has to start in version 1: the marker that was given, else the last key of this page (Amazon
    /// S3 API Reference, `ListObjects`). `nil` on the last page, and where a truncated page says nothing to go on with.
    var followingMarker: String? { isTruncated ? nextMarker ?? contents.last?.key : nil }

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        let names = NameDecoder(root, of: response)
        name = root.string("Name")
        prefix = try names.decode(root.string("Prefix"))
        delimiter = try names.decode(root.string("Delimiter"))
        startAfter = try names.decode(root.string("StartAfter"))
        encodingType = root.string("EncodingType")
        maxKeys = try root.integer("MaxKeys")
        keyCount = try root.integer("KeyCount")
        isTruncated = try root.flag("IsTruncated")
        continuationToken = root.string("ContinuationToken")
        nextContinuationToken = root.string("NextContinuationToken")
        marker = try names.decode(root.string("Marker"))
        nextMarker = try names.decode(root.string("NextMarker"))
        commonPrefixes = try root.commonPrefixes(names)
        var contents: [ListedObject] = []
        for element in root.children where element.name == "Contents" {
            contents.append(try ListedObject(element, names))
        }
        self.contents = contents
    }
}

extension ListedObject {
    /// Reads `<Contents>`, `<Version>` or another element of that shape.
    init(_ element: XMLElement, _ names: NameDecoder) throws(UnreadableAnswer) {
        key = try names.decode(element.required("Key"))
        size = try element.size("Size")
        etag = element.string("ETag")
        lastModified = element.instant("LastModified")
        storageClass = element.string("StorageClass")
        checksumAlgorithms = element.all("ChecksumAlgorithm").map(\.text)
        owner = element.first("Owner").map { Owner($0) }
    }
}

extension Owner {
    init(_ element: XMLElement) {
        id = element.string("ID")
        displayName = element.string("DisplayName")
    }
}

extension XMLElement {
    /// Each in an element of its own, or, from older gateways, several in one.
    func commonPrefixes(_ names: NameDecoder) throws(UnreadableAnswer) -> [String] {
        var prefixes: [String] = []
        for group in children where group.name == "CommonPrefixes" {
            for prefix in group.children where prefix.name == "Prefix" {
                prefixes.append(try names.decode(prefix.text))
            }
        }
        return prefixes
    }
}
