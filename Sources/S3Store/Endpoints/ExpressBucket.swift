/// A directory bucket of S3 Express One Zone, `name--zone--x-s3`, or an access point of one, `name--zone--xa-s3`.
struct ExpressBucket: Sendable, Equatable {
    let name: String
    /// The id of the availability zone; `nil` where the name holds none.
    let zone: String?

    /// - Returns: `nil` for the name of any other bucket.
    init?(_ name: String) {
        guard let suffix = ["--x-s3", "--xa-s3"].first(where: name.hasSuffix) else { return nil }
        self.name = name
        let rest = Array(name.utf8.dropLast(suffix.utf8.count))
        // Zone ids come in these lengths: usw2-az1, apne1-az1, and those of local zones.
        zone =
            [8, 9, 13, 14, 20].lazy
            .filter { rest.count >= $0 + 2 && rest.dropLast($0).suffix(2) == [UInt8(ascii: "-"), UInt8(ascii: "-")] }
            .map { String(decoding: rest.suffix($0), as: UTF8.self) }
            .first
    }
}

extension EndpointResolver {
    /// Directory buckets have a host for each zone, always with the bucket in it, and the service name `s3express`.
    /// Requests are signed one by one, without the session of `CreateSession`.
    func resolve(_ bucket: ExpressBucket) throws(EndpointError) -> ResolvedEndpoint {
        if options.useAccelerate {
            throw EndpointError(
                .conflict, "S3 Transfer Acceleration does not work with directory buckets", hint: "Turn it off.")
        }
        let segment = RequestPath.empty.appending(segment: bucket.name.utf8)
        if let custom, custom.address != nil {
            return ResolvedEndpoint(
                scheme: custom.scheme, authority: custom.authority,
                basePath: custom.bucketParent.appending(segment: bucket.name.utf8), signingRegion: region,
                signingName: Self.expressService)
        }
        guard HostLabel.canHold(bucket: bucket.name, dots: false), let zone = bucket.zone ?? custom.map({ _ in "" })
        else {
            throw EndpointError(
                .bucket,
                "The bucket name \(segment.text.dropFirst()) ends like one of S3 Express, but is not of the form "
                    + "name--zone-id--x-s3 in lower case",
                hint: "Correct the name.")
        }
        if let custom {
            return ResolvedEndpoint(
                scheme: custom.scheme, authority: "\(bucket.name).\(custom.authority)", basePath: custom.path,
                signingRegion: region, signingName: Self.expressService)
        }
        let host = "\(bucket.name).s3express\(options.useFIPS ? "-fips" : "")-\(zone)"
        return ResolvedEndpoint(
            authority: "\(host)\(options.useDualStack ? ".dualstack" : "").\(region).\(partition.domain)",
            signingRegion: region, signingName: Self.expressService)
    }

    private static let expressService = "s3express"
}
