/// The places where AWS tools look for credentials, in their order. The first that has some is taken, and one that has
/// some which cannot be used ends the search.
///
/// 1. explicit ones, given in code;
/// 2. the environment, unless a profile was chosen in code;
/// 3. a role that the profile names;
/// 4. a role to be assumed with a web identity token;
/// 5. single sign-on, which is refused with advice;
/// 6. the credentials file;
/// 7. `aws login`, which is refused with advice;
/// 8. `credential_process`;
/// 9. the config file;
/// 10. files of older tools;
/// 11. the container's service;
/// 12. the instance's metadata service.
///
/// The order is that of botocore.
public struct CredentialChain: Sendable {
    let context: CredentialContext
    private let explicit: Credentials?
    private let profile: String?
    private let region: String?
    private let allowInsecureEndpoint: Bool

    /// - Parameters:
    ///   - explicit: taken as they are, without looking anywhere.
    ///   - profile: a profile that was chosen by an option; then variables with credentials do not count.
    ///   - region: for the Security Token Service; else that of ``AWSProfile/region``.
    ///   - allowInsecureEndpoint: whether a custom endpoint of the Security Token Service may be http or local.
    public init(
        _ context: CredentialContext, explicit: Credentials? = nil, profile: String? = nil, region: String? = nil,
        allowInsecureEndpoint: Bool = false
    ) {
        self.context = context
        self.explicit = explicit
        self.profile = profile
        self.region = region
        self.allowInsecureEndpoint = allowInsecureEndpoint
    }

    /// Looks.
    /// - Throws: ``CredentialError``; `CancellationError`.
    func resolve() async throws -> ProvidedCredentials {
        if let explicit { return ProvidedCredentials(initial: try explicit.checked("the configuration")) }
        let profile = try await AWSProfile.load(context, name: profile)
        let providers = CredentialProviders(
            context: context, profile: profile,
            sts: STSFactory(context: context, profile: profile, region: region, allowInsecure: allowInsecureEndpoint))
        var looked: [CredentialError.Place] = []
        for provider in providers.all {
            switch try await provider.load() {
            case .found(let credentials): return credentials
            case .absent(let reason): looked.append(.init(name: provider.name, reason: reason))
            }
        }
        throw CredentialError.notFound(looked: looked)
    }
}

/// The members of the chain, made for one profile.
struct CredentialProviders: Sendable {
    let context: CredentialContext
    let profile: AWSProfile
    let sts: STSFactory

    var environment: EnvironmentProvider { EnvironmentProvider(context: context) }
    var container: ContainerProvider { ContainerProvider(context: context) }
    var instanceMetadata: InstanceMetadataProvider { InstanceMetadataProvider(context: context, profile: profile) }

    /// All, in order.
    var all: [any CredentialProvider] {
        let first: [any CredentialProvider] = profile.isExplicit ? [] : [environment]
        return first + [AssumeRoleProvider(providers: self)]
            + ofProfile(profile.name, usesEnvironment: !profile.isExplicit)
            + [LegacyFileProvider(context: context), container, instanceMetadata]
    }

    /// Those that take credentials from a profile itself, in order.
    func ofProfile(_ name: String, usesEnvironment: Bool) -> [any CredentialProvider] {
        let settings = profile.settings(of: name)
        return [
            WebIdentityProvider(context: context, settings: settings, usesEnvironment: usesEnvironment, sts: sts),
            UnsupportedProvider.singleSignOn(profile, of: name),
            ProfileFileProvider.credentials(profile, of: name),
            UnsupportedProvider.login(profile, of: name),
            ProcessProvider(context: context, profile: name, settings: settings),
            ProfileFileProvider.config(profile, of: name),
        ]
    }
}
