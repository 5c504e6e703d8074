/// Finds the host, path and signing scope for a bucket.
///
/// The rules are those of the AWS SDKs (the public endpoint rule set of S3), with a few refusals more where the rule
/// set would build a host that cannot work or is unsafe.
struct EndpointResolver: Sendable {
    let options: S3EndpointOptions
    /// The region as given, a single host label.
    let region: String
    let partition: Partition
    let custom: CustomEndpoint?

    /// Checks all that does not depend on the bucket.
    /// - Throws: ``EndpointError``
    init(_ options: S3EndpointOptions) throws(EndpointError) {
        self.options = options
        region = try Self.checked(region: options.region)
        partition = Partition(region: region)
        if let text = options.endpoint {
            let endpoint = try CustomEndpoint(text)
            try EndpointSafety.check(endpoint, allowInsecure: options.allowInsecureEndpoint)
            custom = endpoint
        } else {
            custom = nil
        }
        try checkConflicts()
    }

    /// - Parameter bucket: a bucket's name or the ARN of an access point; `nil` for requests to the service.
    /// - Throws: ``EndpointError``
    func resolve(bucket: String?) throws(EndpointError) -> ResolvedEndpoint {
        guard let bucket else { return serviceEndpoint() }
        guard !bucket.isEmpty, bucket != ".", bucket != ".." else {
            throw EndpointError(
                .bucket, "The bucket name “\(bucket)” cannot be one", hint: "Give the name of the bucket.")
        }
        if bucket.hasPrefix("arn:") { return try resolve(arn: bucket) }
        if let express = ExpressBucket(bucket) { return try resolve(express) }
        if bucket.hasSuffix("--op-s3"), let outposts = try resolve(outpostsAlias: bucket) { return outposts }
        return try resolve(ordinary: bucket)
    }

    private func resolve(ordinary bucket: String) throws(EndpointError) -> ResolvedEndpoint {
        if let custom { return customEndpoint(custom, bucket: bucket) }
        let isHost = options.addressing != .path && HostLabel.canHold(bucket: bucket, dots: false)
        if options.useAccelerate {
            guard isHost, partition.name != "aws-cn" else {
                throw EndpointError(
                    .conflict,
                    isHost
                        ? "S3 Transfer Acceleration does not exist in the region \(region)"
                        : "S3 Transfer Acceleration needs the bucket in the host, which the addressing or the bucket's "
                            + "name (dots, capitals, underscores) prevents",
                    hint: "Turn acceleration off.")
            }
            return aws(prefix: bucket + ".", service: "s3-accelerate")
        }
        return isHost
            ? aws(prefix: bucket + ".", service: "s3")
            : aws(service: "s3", basePath: RequestPath.empty.appending(segment: bucket.utf8))
    }

    private func serviceEndpoint() -> ResolvedEndpoint {
        guard let custom else { return aws(service: "s3") }
        return ResolvedEndpoint(
            scheme: custom.scheme, authority: custom.authority, basePath: custom.path, signingRegion: signingRegion)
    }

    /// A dotted bucket goes into the host only over http: no wildcard certificate covers it. An address takes no
    /// label in front of it.
    private func customEndpoint(_ custom: CustomEndpoint, bucket: String) -> ResolvedEndpoint {
        let isHost =
            options.addressing == .virtual && custom.address == nil
            && HostLabel.canHold(bucket: bucket, dots: custom.scheme == "http")
        return ResolvedEndpoint(
            scheme: custom.scheme,
            authority: isHost ? "\(bucket).\(custom.authority)" : custom.authority,
            basePath: isHost ? custom.path : custom.bucketParent.appending(segment: bucket.utf8),
            signingRegion: signingRegion)
    }

    /// `prefix service [-fips] [.dualstack] [.region] .domain`
    private func aws(prefix: String = "", service: String, basePath: RequestPath = .empty) -> ResolvedEndpoint {
        let isAccelerated = service == "s3-accelerate"
        let isPlain = !options.useDualStack && !options.useFIPS
        var host = prefix + service
        if options.useFIPS { host += "-fips" }
        if options.useDualStack { host += ".dualstack" }
        let leavesOutRegion =
            region == Self.globalRegion
            ? isPlain : isAccelerated || (options.useGlobalEndpoint && region == "us-east-1" && isPlain)
        if !leavesOutRegion { host += ".\(signingRegion)" }
        return ResolvedEndpoint(
            authority: "\(host).\(partition.domain)", basePath: basePath, signingRegion: signingRegion)
    }

    /// A pseudo-region of old configurations.
    private static let globalRegion = "aws-global"

    var signingRegion: String { region == Self.globalRegion ? "us-east-1" : region }

    private static func checked(region: String?) throws(EndpointError) -> String {
        guard let region, !region.isEmpty else {
            throw EndpointError(
                .region, "No region is set",
                hint: "Set it with --region or AWS_REGION; with a custom endpoint that has no regions, us-east-1 or "
                    + "auto usually works.")
        }
        guard HostLabel.isValid(region) else {
            throw EndpointError(
                .region,
                "The region \(CustomEndpoint.displayed(region)) cannot be one: a region consists of letters, digits "
                    + "and hyphens, as eu-west-1",
                hint: "Correct --region or AWS_REGION.")
        }
        return region
    }

    private func checkConflicts() throws(EndpointError) {
        if options.useAccelerate, options.useFIPS {
            throw EndpointError(
                .conflict, "S3 Transfer Acceleration has no FIPS hosts", hint: "Turn one of the two off.")
        }
        if custom != nil {
            let variants = [
                (options.useDualStack, "Dual-stack"), (options.useFIPS, "FIPS"),
                (options.useAccelerate, "S3 Transfer Acceleration"),
            ]
            if let variant = variants.first(where: { $0.0 })?.1 {
                throw EndpointError(
                    .conflict,
                    "\(variant) selects a host of AWS, so it cannot be combined with a custom endpoint",
                    hint: "Drop one of the two.")
            }
        }
        if options.useFIPS, partition.name == "aws-cn" {
            throw EndpointError(
                .conflict, "There are no FIPS hosts in the region \(region)", hint: "Turn FIPS off.")
        }
    }
}
