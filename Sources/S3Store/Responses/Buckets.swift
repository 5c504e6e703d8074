import FoundationEssentials
import NIOHTTP1

/// A bucket in the list of one's own.
struct ListedBucket: Sendable {
    let name: String
    let creationDate: Date?
    let region: String?
}

/// The answer of `ListBuckets`.
struct BucketList: ResponseDocument {
    static let roots = ["ListAllMyBucketsResult"]

    let buckets: [ListedBucket]
    let owner: Owner?
    let prefix: String?
    /// The token for the next page; `nil` on the last.
    let continuationToken: String?

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        var buckets: [ListedBucket] = []
        for element in root.first("Buckets")?.all("Bucket") ?? [] {
            buckets.append(
                ListedBucket(
                    name: try element.required("Name"), creationDate: element.instant("CreationDate"),
                    region: element.string("BucketRegion")))
        }
        self.buckets = buckets
        owner = root.first("Owner").map { Owner($0) }
        prefix = root.string("Prefix")
        continuationToken = root.string("ContinuationToken")
    }
}

/// The answer of `GetBucketLocation`.
struct BucketLocation: ResponseDocument {
    static let roots = ["LocationConstraint"]

    /// As it was sent.
    let constraint: String

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) { constraint = root.text }

    /// The region that is meant (Amazon S3 API Reference, `GetBucketLocation`: no constraint is the oldest region, and
    /// `EU` is how the second one was once called).
    var region: String {
        switch constraint {
        case "": "us-east-1"
        case "EU": "eu-west-1"
        default: constraint
        }
    }
}

/// The headers of `HeadBucket`.
struct BucketHeaders: Sendable {
    let region: String?
    let isAccessPointAlias: Bool

    init(_ response: ServiceResponse) throws(ServiceError) {
        guard response.isSuccess else { throw ServiceError(response) }
        region = response.headers.first(name: "x-amz-bucket-region")
        isAccessPointAlias = response.headers.first(name: "x-amz-access-point-alias") == "true"
    }
}
