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

    /// - Throws: ``StoreError`` of kind `invalid` for an endpoint, region or name that cannot be used.
    init(_ configuration: S3Configuration) throws(StoreError) {
        name = configuration.bucket
        expectedOwner = configuration.expectedBucketOwner
        options = configuration.endpoint
        current = NIOLockedValueBox(try Self.resolve(options, bucket: name))
    }

    /// Where requests go now.
    var endpoint: ResolvedEndpoint { current.withLockedValue { $0 } }

    /// Sends all further requests to another region.
    func move(to region: String) throws(StoreError) {
        var options = options
        options.region = region
        let moved = try Self.resolve(options, bucket: name)
        current.withLockedValue { $0 = moved }
    }

    private static func resolve(_ options: S3EndpointOptions, bucket: String) throws(StoreError) -> ResolvedEndpoint {
        do { return try EndpointResolver(options).resolve(bucket: bucket) } catch {
            var problem = StoreError(.invalid, "address", error.message)
            problem.bucket = bucket
            throw problem
        }
    }
}
