/// How to reach the metadata service of EC2 (AWS SDKs and Tools Reference Guide, "IMDS credential provider").
struct InstanceMetadataSettings: Sendable {
    /// Without `/` at the end.
    let endpoint: String
    /// For each step of the exchange.
    let attempts: Int
    let timeout: Duration
    let allowsVersion1: Bool

    init(_ context: CredentialContext, _ profile: AWSProfile) throws(CredentialError) {
        attempts = try Self.number(
            profile, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")
        timeout = .seconds(
            try Self.number(profile, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout"))
        allowsVersion1 = !context.isTrue(
            profile.setting("AWS_EC2_METADATA_V1_DISABLED", or: "ec2_metadata_v1_disabled"))
        endpoint = try Self.endpoint(context, profile)
    }

    private static func number(
        _ profile: AWSProfile, _ variable: String, _ setting: String
    ) throws(CredentialError) -> Int {
        guard let text = profile.setting(variable, or: setting) else { return 1 }
        guard let value = Int(String(text.unicodeScalars.trimmed)), value <= 3600 else {
            throw CredentialError(
                .configuration, "\(variable) (or \(setting) of the profile) is not a whole number up to 3600.",
                advice: "Set it to 1, or leave it out.")
        }
        return max(0, value)
    }

    private static func endpoint(
        _ context: CredentialContext, _ profile: AWSProfile
    ) throws(CredentialError) -> String {
        let mode = profile.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", or: "ec2_metadata_service_endpoint_mode")
        var isIPv6 = context.isTrue(profile.setting("AWS_IMDS_USE_IPV6", or: "imds_use_ipv6"))
        switch mode?.lowercased() {
        case nil: break
        case "ipv4": isIPv6 = false
        case "ipv6": isIPv6 = true
        default:
            throw CredentialError(
                .configuration, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6.",
                advice: "Set it to one of them, or unset it.")
        }
        let given = profile.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", or: "ec2_metadata_service_endpoint")
        guard let given, !given.isEmpty else {
            return isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
        }
        do throws(EndpointError) {
            let endpoint = try CustomEndpoint(given)
            return "\(endpoint.scheme)://\(endpoint.authority)\(endpoint.bucketParent.text)"
        } catch {
            throw CredentialError(
                .configuration, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL that can be used.",
                advice: "Write it as http://169.254.169.254, or unset it.")
        }
    }
}
