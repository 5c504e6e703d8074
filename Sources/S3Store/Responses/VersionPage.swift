import FoundationEssentials

/// A version of an object in a listing of versions.
struct ListedVersion: Sendable {
    let object: ListedObject
    let versionID: String?
    let isLatest: Bool

    init(_ element: XMLElement, _ names: NameDecoder) throws(UnreadableAnswer) {
        object = try ListedObject(element, names)
        versionID = element.string("VersionId")
        isLatest = try element.flag("IsLatest")
    }
}

/// One page of `ListObjectVersions`.
struct VersionPage: ResponseDocument {
    static let roots = ["ListVersionsResult"]

    let name: String?
    let prefix: String?
    let delimiter: String?
    let encodingType: String?
    let maxKeys: Int64?
    let versions: [ListedVersion]
    /// Versions that say that the object was deleted; they have no size and no ETag.
    let deleteMarkers: [ListedVersion]
    let commonPrefixes: [String]
    let isTruncated: Bool
    let keyMarker: String?
    let versionIDMarker: String?
    /// Where the next page has to start.
    let nextKeyMarker: String?
    let nextVersionIDMarker: String?

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        let names = NameDecoder(root, of: response)
        name = root.string("Name")
        prefix = try names.decode(root.string("Prefix"))
        delimiter = try names.decode(root.string("Delimiter"))
        encodingType = root.string("EncodingType")
        maxKeys = try root.integer("MaxKeys")
        isTruncated = try root.flag("IsTruncated")
        keyMarker = try names.decode(root.string("KeyMarker"))
        versionIDMarker = root.string("VersionIdMarker")
        nextKeyMarker = try names.decode(root.string("NextKeyMarker"))
        nextVersionIDMarker = root.string("NextVersionIdMarker")
        commonPrefixes = try root.commonPrefixes(names)
        var versions: [ListedVersion] = []
        var deleteMarkers: [ListedVersion] = []
        for element in root.children {
            if element.name == "Version" { versions.append(try ListedVersion(element, names)) }
            if element.name == "DeleteMarker" { deleteMarkers.append(try ListedVersion(element, names)) }
        }
        (self.versions, self.deleteMarkers) = (versions, deleteMarkers)
    }
}
