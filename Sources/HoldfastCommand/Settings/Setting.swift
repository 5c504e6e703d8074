import Configuration

/// The settings that commands share, by their name in the config file; the option is the same with `--` before it.
enum Setting: String, CaseIterable {
    case store, prefix, agent, repo, storage, include, exclude, mirror
    case region
    case endpointURL = "endpoint-url"
    case addressing
    case expectedBucketOwner = "expected-bucket-owner"
    case sse
    case sseKMSKeyID = "sse-kms-key-id"
    case allowInsecureEndpoint = "allow-insecure-endpoint"
    case awsProfile = "aws-profile"
    case concurrency
    case limitRate = "limit-rate"
    case restorePolicy = "restore-policy"
    case shareFrom = "share-from"
    case cache, strict
    case allowShrink = "allow-shrink"
    case logFormat = "log-format"

    /// The environment variables that are asked, the first one first.
    var variables: [String] {
        switch self {
        case .repo: ["HOLDFAST_REPO", "GITHUB_REPOSITORY"]
        case .region: ["AWS_REGION", "AWS_DEFAULT_REGION"]
        case .endpointURL: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        default: ["HOLDFAST_" + String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 })]
        }
    }

    var key: AbsoluteConfigKey { AbsoluteConfigKey([rawValue], context: [:]) }
}
