import FileIO

/// The profile in force, with its settings from `~/.aws/config` and `~/.aws/credentials`
/// (or the files that `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name).
public struct AWSProfile: Sendable {
    /// A setting, and where it was found, for people.
    public struct Setting: Sendable, Equatable {
        public let value: String
        /// As `AWS_REGION` or `profile "x"`.
        public let origin: String
    }

    public let name: String
    /// Whether the profile was chosen in code or by an option; then variables with credentials do not count.
    let isExplicit: Bool
    private let environment: [String: String]
    let credentialsFile: (path: String, profiles: [String: AWSSettings])
    let configFile: (path: String, profiles: [String: AWSSettings])
    private let services: [String: AWSSettings]

    /// Reads both files and chooses the profile: `name`, else `AWS_DEFAULT_PROFILE`, else `AWS_PROFILE`, else `default`.
    /// - Parameter name: blank counts as not given.
    /// - Throws: ``CredentialError`` for a file that exists and cannot be read, and for a profile that does not exist.
    public static func load(_ context: CredentialContext, name: String? = nil) async throws -> AWSProfile {
        let explicit = name.flatMap { $0.isEmpty ? nil : $0 }
        let variable = ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"].first { context.variable($0) != nil }
        let chosen = explicit ?? variable.flatMap { context.variable($0) }
        let credentials = try await file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", context)
        let config = try await file("AWS_CONFIG_FILE", "~/.aws/config", context)
        let profile = AWSProfile(
            name: chosen ?? "default", isExplicit: explicit != nil, environment: context.environment,
            credentialsFile: (credentials.path, credentials.file?.credentialProfiles ?? [:]),
            configFile: (config.path, config.file?.configProfiles ?? [:]), services: config.file?.services ?? [:])
        if let chosen, profile.settings(of: chosen) == nil {
            let origin = explicit != nil ? "" : variable.map { " that \($0) names" } ?? ""
            throw CredentialError(
                .profileNotFound, "The profile “\(printable(chosen.utf8))”\(origin) does not exist.",
                advice: "Looked in \(config.path) for [profile NAME] and in \(credentials.path) for [NAME]. "
                    + "Choose one that is there, or leave the profile out.")
        }
        return profile
    }

    private static func file(
        _ variable: String, _ usual: String, _ context: CredentialContext
    ) async throws -> (path: String, file: AWSConfigFile?) {
        let given = context.environment[variable]
        let path = context.expanded(given ?? usual)
        let bytes = try await context.contents(of: path, from: given == nil ? usual : variable)
        return (printable((given ?? usual).utf8), try bytes.map { try AWSConfigFile($0, path: path) })
    }

    /// The settings of a profile from both files; those of the credentials file win.
    func settings(of profile: String) -> AWSSettings? {
        switch (configFile.profiles[profile], credentialsFile.profiles[profile]) {
        case (let config?, let credentials?): config.merging(credentials)
        case (let config, let credentials): config ?? credentials
        }
    }

    /// The settings of this profile.
    var settings: AWSSettings? { settings(of: name) }

    /// A setting of this profile; empty ones count as missing.
    public func setting(_ name: String) -> Setting? {
        guard let value = settings?.plain(name), !value.isEmpty else { return nil }
        return Setting(value: value, origin: origin)
    }

    /// A setting inside a block of this profile, as `addressing_style` of `s3`.
    public func setting(_ name: String, in block: String) -> Setting? {
        guard let value = settings?.block(block)?[name], !value.isEmpty else { return nil }
        return Setting(value: value, origin: origin)
    }

    /// The region: `AWS_REGION`, else `AWS_DEFAULT_REGION`, else that of the profile.
    public var region: Setting? { variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? setting("region") }

    /// The endpoint that is set for a service (AWS SDKs and Tools Reference Guide, "Service-specific endpoints"):
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the `services` of the profile, `endpoint_url` of the profile.
    /// - Parameter service: in lower case, as `s3`.
    public func endpointURL(for service: String) -> Setting? {
        let ignored =
            environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] ?? setting("ignore_configured_endpoint_urls")?.value
        if ignored?.lowercased() == "true" { return nil }
        if let url = variable("AWS_ENDPOINT_URL_\(service.uppercased())") ?? variable("AWS_ENDPOINT_URL") { return url }
        if let name = setting("services")?.value, let url = services[name]?.block(service)?["endpoint_url"],
            !url.isEmpty
        {
            return Setting(value: url, origin: "[services \(name)]")
        }
        return setting("endpoint_url")
    }

    /// A setting that a variable or the profile may make; a variable that is set counts even if empty.
    func setting(_ variable: String, or name: String) -> String? { environment[variable] ?? settings?.plain(name) }

    private var origin: String { "profile “\(printable(name.utf8))”" }

    private func variable(_ name: String) -> Setting? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return Setting(value: value, origin: name)
    }
}
