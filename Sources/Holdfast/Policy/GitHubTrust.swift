import S3Store

/// Which runs of GitHub Actions may take a role: those of one repository, on certain branches or in certain environments
/// (GitHub Docs, "OpenID Connect reference").
public struct GitHubTrust: Sendable {
    /// GitHub's issuer of identity tokens.
    static let issuer = "token.actions.githubusercontent.com"

    /// The account that has the role and the identity provider; a placeholder stands in its place if `nil`.
    public var account: String?
    public var branches: [String] = []
    public var environments: [String] = []
    /// The numbers of owner and repository. Repositories with immutable subjects have them in their tokens, so that nobody
    /// who gets hold of a name that became free gets hold of the role.
    public var identifiers: (owner: String, repository: String)?

    public init() {}

    /// What stands for an account that is not known.
    public static let placeholder = "ACCOUNT_ID"

    /// - Parameters:
    ///   - repository: `owner/name`.
    ///   - partition: of the role.
    /// - Throws: ``InvalidName`` for a repository that GitHub cannot have, and for names with wildcards: a role for every
    ///   branch would be one for every pull request.
    public func policy(for repository: String, partition: String) throws(InvalidName) -> PolicyDocument {
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw InvalidName("repository '\(repository)'", "GitHub's repositories are named OWNER/NAME.")
        }
        for (kind, names) in [("branch", branches), ("environment", environments)] {
            for name in names where name.isEmpty || name.contains("*") || name.contains("?") {
                throw InvalidName("\(kind) '\(name)'", "Name each one, without wildcards.")
            }
        }
        let name = identifiers.map { "\(parts[0])@\($0.owner)/\(parts[1])@\($0.repository)" } ?? repository
        // A colon in the name of an environment is encoded in the token.
        let contexts =
            branches.map { "ref:refs/heads/\($0)" }
            + environments.map {
                "environment:\($0.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "%3A"))"
            }
        let audience = partition == "aws-cn" ? "sts.amazonaws.com.cn" : "sts.amazonaws.com"
        return PolicyDocument([
            [
                .init("Sid", "GitHubActions"), .init("Effect", "Allow"),
                .init(
                    "Principal",
                    [
                        .init(
                            "Federated",
                            "arn:\(partition):iam::\(account ?? Self.placeholder):oidc-provider/\(Self.issuer)")
                    ]),
                .init("Action", "sts:AssumeRoleWithWebIdentity"),
                .init(
                    "Condition",
                    [
                        .init(
                            "StringEquals",
                            [
                                .init("\(Self.issuer):aud", audience),
                                .init("\(Self.issuer):sub", contexts.map { "repo:\(name):\($0)" }),
                            ])
                    ]),
            ]
        ])
    }
}
