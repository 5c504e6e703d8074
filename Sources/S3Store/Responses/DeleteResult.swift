/// The answer of `DeleteObjects`: what is gone, and what is not.
struct DeleteResult: ResponseDocument {
    static let roots = ["DeleteResult"]

    struct Deleted: Sendable {
        let key: String
        let versionID: String?
        /// Whether a delete marker was made or removed, and which.
        let isDeleteMarker: Bool
        let deleteMarkerVersionID: String?
    }

    struct Failure: Sendable {
        let key: String
        let versionID: String?
        let code: String?
        let message: String?
    }

    /// Empty where the request asked for a quiet answer.
    let deleted: [Deleted]
    let errors: [Failure]

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        var deleted: [Deleted] = []
        for element in root.all("Deleted") {
            deleted.append(
                Deleted(
                    key: try element.required("Key"), versionID: element.string("VersionId"),
                    isDeleteMarker: try element.flag("DeleteMarker"),
                    deleteMarkerVersionID: element.string("DeleteMarkerVersionId")))
        }
        self.deleted = deleted
        // A failure without a key is kept: what went wrong must not be lost for want of a name.
        errors = root.all("Error").map {
            Failure(
                key: $0.string("Key") ?? "", versionID: $0.string("VersionId"), code: $0.string("Code"),
                message: $0.string("Message"))
        }
    }
}
