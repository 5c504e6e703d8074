/// The ARN of something that can be used in place of a bucket:
/// `arn:partition:service:region:account:type/name…` (AWS "Amazon Resource Names").
struct BucketARN: Sendable, Equatable {
    let service: String
    let region: String
    let account: String
    /// The resource, cut at `/` and `:`.
    let resource: [String]

    /// - Returns: `nil` if the text is no ARN.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "arn", !parts[1].isEmpty, !parts[2].isEmpty, !parts[5].isEmpty else {
            return nil
        }
        service = parts[2]
        region = parts[3]
        account = parts[4]
        resource = parts[5].split(omittingEmptySubsequences: false) { $0 == "/" || $0 == ":" }.map(String.init)
    }
}

extension EndpointResolver {
    /// Access points, also of S3 on Outposts and of Object Lambda. The region is the one of the ARN.
    func resolve(arn text: String) throws(EndpointError) -> ResolvedEndpoint {
        guard let arn = BucketARN(text), let type = arn.resource.first, !type.isEmpty else {
            throw Self.invalidARN("is not of the form arn:aws:s3:region:account:accesspoint/name")
        }
        guard options.addressing != .path else {
            throw EndpointError(
                .conflict, "Access points have hosts of their own", hint: "Do not force path addressing.")
        }
        guard custom?.address == nil else {
            throw EndpointError(
                .conflict, "Access points have hosts of their own, so the endpoint cannot be an address")
        }
        switch (arn.service, type) {
        case ("s3-outposts", let type) where type != "accesspoint": return try resolve(outposts: arn)
        case ("s3", "accesspoint"): return try resolve(accessPoint: arn, service: "s3-accesspoint", signingName: "s3")
        case ("s3-object-lambda", "accesspoint"):
            try refuse(options.useDualStack, "Dual-stack", for: "S3 Object Lambda")
            return try resolve(accessPoint: arn, service: "s3-object-lambda", signingName: "s3-object-lambda")
        default: throw Self.invalidARN("names neither an access point nor an outpost")
        }
    }

    private func resolve(
        accessPoint arn: BucketARN, service: String, signingName: String
    ) throws(EndpointError) -> ResolvedEndpoint {
        try refuse(options.useAccelerate, "S3 Transfer Acceleration", for: "access points")
        guard !arn.region.isEmpty || service != "s3-accesspoint" else {
            throw EndpointError(
                .bucket,
                "Multi-Region access points need signatures of version 4A, which are not supported",
                hint: "Give the bucket or an access point in one region.")
        }
        guard arn.resource.count == 2 else { throw Self.invalidARN("holds more, or less, than one access point name") }
        let domain = try checkedDomain(arn)
        let label = try "\(Self.checked(arn.resource[1], "access point name"))-\(arn.account)"
        if let custom {
            return ResolvedEndpoint(
                scheme: custom.scheme, authority: "\(label).\(custom.authority)", basePath: custom.path,
                signingRegion: arn.region, signingName: signingName)
        }
        let host = "\(label).\(service)\(options.useFIPS ? "-fips" : "")\(options.useDualStack ? ".dualstack" : "")"
        return ResolvedEndpoint(
            authority: "\(host).\(arn.region).\(domain)", signingRegion: arn.region, signingName: signingName)
    }

    /// `outpost/op-id/accesspoint/name`
    private func resolve(outposts arn: BucketARN) throws(EndpointError) -> ResolvedEndpoint {
        try refuseVariants(for: "S3 on Outposts")
        guard arn.resource.count == 4, arn.resource[2] == "accesspoint" else {
            throw Self.invalidARN("is not of the form …:outpost/id/accesspoint/name")
        }
        let domain = try checkedDomain(arn)
        let outpost = try Self.checked(arn.resource[1], "outpost id")
        let label = try "\(Self.checked(arn.resource[3], "access point name"))-\(arn.account)"
        return outpostsEndpoint("\(label).\(outpost)", region: arn.region, domain: domain)
    }

    /// An alias of a bucket on Outposts ends in the kind of hardware, the outpost's id and `--op-s3`.
    /// - Returns: `nil` for a name too short to be one, or at an address, which takes no name in front: an ordinary
    ///   bucket.
    func resolve(outpostsAlias bucket: String) throws(EndpointError) -> ResolvedEndpoint? {
        let bytes = Array(bucket.utf8)
        guard bytes.count >= 50, custom?.address == nil else { return nil }
        let hardware = bytes[bytes.count - 50]
        let outpost = String(decoding: bytes[(bytes.count - 49)..<(bytes.count - 32)], as: UTF8.self)
        guard HostLabel.canHold(bucket: bucket, dots: false), HostLabel.isValid(outpost),
            hardware == UInt8(ascii: "e") || hardware == UInt8(ascii: "o")
        else {
            throw EndpointError(
                .bucket, "The bucket name ends like an alias of S3 on Outposts, but is none", hint: "Correct it.")
        }
        // Buckets of the service's test stage exist only at an endpoint of their own.
        let isTestStage = bytes[(bytes.count - 12)..<(bytes.count - 8)].elementsEqual("beta".utf8)
        guard !isTestStage || custom != nil else {
            throw EndpointError(
                .endpoint, "This bucket on Outposts needs an endpoint", hint: "Set it with --endpoint-url.")
        }
        let place = hardware == UInt8(ascii: "e") ? "ec2" : "op-\(outpost)"
        return outpostsEndpoint("\(bucket).\(place)", region: region, domain: partition.domain)
    }

    /// Outposts are always reached by TLS, also at a custom endpoint, and without its path.
    private func outpostsEndpoint(_ prefix: String, region: String, domain: String) -> ResolvedEndpoint {
        ResolvedEndpoint(
            authority: custom.map { "\(prefix).\($0.authority)" } ?? "\(prefix).s3-outposts.\(region).\(domain)",
            signingRegion: region, signingName: "s3-outposts")
    }

    private func checkedDomain(_ arn: BucketARN) throws(EndpointError) -> String {
        _ = try Self.checked(arn.region, "region")
        _ = try Self.checked(arn.account, "account id")
        let other = Partition(region: arn.region)
        guard other == partition else {
            throw EndpointError(
                .conflict,
                "The ARN is in the partition \(other.name), the region \(region) in \(partition.name)",
                hint: "Set the region to \(arn.region).")
        }
        return other.domain
    }

    private static func checked(_ label: String, _ what: String) throws(EndpointError) -> String {
        guard HostLabel.isValid(label) else {
            throw invalidARN("has no \(what) of letters, digits and hyphens")
        }
        return label
    }

    private func refuseVariants(for what: String) throws(EndpointError) {
        try refuse(options.useDualStack, "Dual-stack", for: what)
        try refuse(options.useFIPS, "FIPS", for: what)
        try refuse(options.useAccelerate, "S3 Transfer Acceleration", for: what)
    }

    private func refuse(_ isOn: Bool, _ variant: String, for what: String) throws(EndpointError) {
        if isOn { throw EndpointError(.conflict, "\(variant) does not exist for \(what)", hint: "Turn it off.") }
    }

    private static func invalidARN(_ problem: String) -> EndpointError {
        EndpointError(
            .bucket, "The bucket's ARN \(problem)", hint: "Correct it, or give the name of the bucket.")
    }
}
