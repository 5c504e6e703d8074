/// How policies name a bucket and what is in it (Service Authorization Reference, "Resource types defined by Amazon S3").
public struct S3ResourceName: Sendable, Equatable {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    public let partition: String
    /// The domain of the partition's services.
    public let domain: String
    public let region: String
    /// The ARN of the bucket.
    public let bucket: String

    /// - Parameters:
    ///   - bucket: a bucket's name, or the ARN of an access point.
    ///   - region: of the bucket; it decides about the partition.
    public init(bucket: String, region: String) {
        let partition = Partition(region: region)
        self.partition = partition.name
        domain = partition.domain
        self.region = region
        self.bucket = bucket.hasPrefix("arn:") ? bucket : "arn:\(partition.name):s3:::\(bucket)"
    }

    /// The ARN of objects.
    /// - Parameter key: a key, or a pattern for keys.
    public func objects(_ key: String) -> String {
        "\(bucket)/\(bucket.contains(":accesspoint") ? "object/" : "")\(key)"
    }
}
