import FoundationEssentials
import HTTPProxies
import Logging
import ObjectStore
import S3Store

/// Opens the S3 client of a configuration for the time of a closure: `createS3Client` of RFC-019 §4.
///
/// Credentials come from `credentials`, else from the configuration, else from the places where the AWS tools look:
/// environment, profiles, web identity, container and instance roles. Proxies are those of the environment.
/// - Throws: ``StoreError`` for a configuration that cannot work, or what `body` throws.
public func withS3Client<Result>(
    _ config: S3Config, credentials: (any CredentialSource)? = nil, meter: TransferMeter = TransferMeter(),
    logger: Logger, _ body: (S3Store) async throws -> Result
) async throws -> Result {
    let environment = ProcessInfo.processInfo.environment
    let source =
        credentials
        ?? CredentialCache(
            CredentialChain(
                CredentialContext(environment: environment), explicit: config.explicitCredentials,
                region: config.region, allowInsecureEndpoint: config.allowInsecureEndpoint))
    var configuration = config.storeConfiguration
    configuration.proxies = ProxyRules(environment: environment)
    return try await S3Store.withStore(configuration, credentials: source, meter: meter, logger: logger, body)
}
