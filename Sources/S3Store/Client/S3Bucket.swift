import FileIO
import NIOConcurrencyHelpers
import ObjectStore

/// The bucket of a store: its name, where it is, and how it is addressed.
///
/// The region can turn out to be another one; from then on all requests go there.
struct S3Bucket: Sendable {
    let name: String
    let expectedOwner: String?
    private let options: S3EndpointOptions
    private let current: NIOLockedValueBox<ResolvedEndpoint>

    /// The product and its version, as sent to the store.
    static let userAgent = "holdfast/0.1.0"

    /// - Throws: ``StoreError`` of kind `invalid` for an endpoint, region, name or owner that cannot be used.
    init(_ configuration: S3Configuration) throws(StoreError) {
        if let owner = configuration.expectedBucketOwner,
            owner.utf8.count != 12 || !owner.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        {
            throw StoreError(
                .invalid, "address", "'\(printable(owner.utf8))' is no account that could own the bucket",
                hint: "Give --expected-bucket-owner the 12 digits of an AWS account.")
        }
        name = configuration.bucket
        expectedOwner = configuration.expectedBucketOwner
        options = configuration.endpoint
        current = NIOLockedValueBox(try Self.resolve(options, bucket: name))
    }

    /// Where requests go now.
    var endpoint: ResolvedEndpoint { current.withLockedValue { $0 } }

    /// Sends all further requests to another region. With an endpoint of one's own the address stays, and only the
    /// signatures name the other region.
    /// - Returns: whether they went elsewhere before.
    func move(to region: String) throws(StoreError) -> Bool {
        var options = options
        options.region = region
        let moved = try Self.resolve(options, bucket: name)
        return current.withLockedValue { current in
            defer { current = moved }
            return current != moved
        }
    }

    private static func resolve(_ options: S3EndpointOptions, bucket: String) throws(StoreError) -> ResolvedEndpoint {
        do { return try EndpointResolver(options).resolve(bucket: bucket) } catch {
            var problem = StoreError(.invalid, "address", error.message, hint: error.hint)
            problem.bucket = bucket
            throw problem
        }
    }
}
