/// Where the Security Token Service is (AWS Security Token Service endpoints and quotas).
struct STSEndpoint: Sendable, Equatable {
    let scheme: String
    let authority: String
    let path: RequestPath
    let signingRegion: String

    /// - Parameters:
    ///   - region: what an option says; else the region of the profile.
    ///   - allowInsecure: whether http, and addresses of this machine and its network, are allowed.
    /// - Throws: ``CredentialError`` for an endpoint or a region that cannot be used.
    init(_ profile: AWSProfile, region: String?, allowInsecure: Bool) throws(CredentialError) {
        let region = region ?? profile.region?.value
        signingRegion = region == nil || region == "aws-global" ? "us-east-1" : region ?? ""
        guard HostLabel.isValid(signingRegion) else {
            throw CredentialError(
                .configuration, "The region for the Security Token Service is not a region's name.",
                advice: "Set AWS_REGION to one like eu-west-1.")
        }
        guard let given = profile.endpointURL(for: "sts") else {
            scheme = "https"
            authority = Self.host(region, profile)
            path = .empty
            return
        }
        do throws(EndpointError) {
            let endpoint = try CustomEndpoint(given.value)
            try EndpointSafety.check(endpoint, allowInsecure: allowInsecure)
            (scheme, authority, path) = (endpoint.scheme, endpoint.authority, endpoint.path)
        } catch {
            throw CredentialError(.configuration, "For the Security Token Service, set by \(given.origin): \(error)")
        }
    }

    private static func host(_ region: String?, _ profile: AWSProfile) -> String {
        guard let region, region != "aws-global" else { return "sts.amazonaws.com" }
        let isLegacy = profile.setting("AWS_STS_REGIONAL_ENDPOINTS", or: "sts_regional_endpoints") == "legacy"
        if isLegacy && globalRegions.contains(region) { return "sts.amazonaws.com" }
        let isFIPS = profile.setting("AWS_USE_FIPS_ENDPOINT", or: "use_fips_endpoint")?.lowercased() == "true"
        // The endpoint of GovCloud is a validated one as it is.
        let service = isFIPS && !region.hasPrefix("us-gov-") ? "sts-fips" : "sts"
        let partition = Partition(region: region)
        let isDualStack =
            profile.setting("AWS_USE_DUALSTACK_ENDPOINT", or: "use_dualstack_endpoint")?.lowercased() == "true"
        let domain = isDualStack ? dualStackDomains[partition.name] ?? partition.domain : partition.domain
        return "\(service).\(region).\(domain)"
    }

    private static let dualStackDomains = [
        "aws": "api.aws", "aws-us-gov": "api.aws", "aws-cn": "api.amazonwebservices.com.cn",
    ]

    /// The regions that shared one endpoint before each had its own.
    private static let globalRegions: Set<String> = [
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
        "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
        "us-west-2",
    ]
}
