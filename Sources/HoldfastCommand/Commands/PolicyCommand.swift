import ArgumentParser
import Holdfast
import S3Store

extension PolicyScope: ExpressibleByArgument {}
extension MemoryRole: ExpressibleByArgument {}

struct PolicyCommand: AsyncParsableCommand {
    /// What can be printed alone.
    enum Document: String, CaseIterable, ExpressibleByArgument { case iam, bucket, trust }

    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Print the least-privilege IAM policy, bucket policy and GitHub trust policy of this memory.",
        discussion: """
            Without --print all documents are shown, with a heading before each; with it, one document alone, to be saved \
            in a file. Nothing is sent anywhere. docs/security.md says how the documents belong together.
            """)

    @Option(help: "For which memories: this one, all of this agent, or all below the prefix.") var scope: PolicyScope =
        .memory
    @Option(
        help: """
            For whom the IAM policy is: a run that pushes and pulls, somebody who only restores, or prune. With --print iam \
            the default is run.
            """)
    var role: MemoryRole?
    @Option(help: "Print this document alone.") var print: Document?
    @Option(
        help: ArgumentHelp(
            "The 12-digit account that has role and key (default: --expected-bucket-owner).", valueName: "account"))
    var account: String?
    @Option(
        help: ArgumentHelp(
            "A branch whose runs may take the role; may be repeated (default: main, if there is no --environment).",
            valueName: "name"))
    var branch: [String] = []
    @Option(
        help: ArgumentHelp(
            "An environment of GitHub whose runs may take the role; may be repeated.", valueName: "name"))
    var environment: [String] = []
    @Option(
        help: ArgumentHelp(
            "The repository's number, if its tokens have immutable subjects (GITHUB_REPOSITORY_ID).", valueName: "n"))
    var repositoryID: String?
    @Option(help: ArgumentHelp("The owner's number, with it (GITHUB_REPOSITORY_OWNER_ID).", valueName: "n"))
    var ownerID: String?
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        if let account, account.utf8.count != 12 || !account.utf8.allSatisfy(isDigit) {
            throw ValidationError("--account must be the 12 digits of an AWS account.")
        }
        guard (repositoryID == nil) == (ownerID == nil) else {
            throw ValidationError("--repository-id and --owner-id belong together.")
        }
        for number in [repositoryID, ownerID].compactMap(\.self)
        where number.isEmpty || !number.utf8.allSatisfy(isDigit) {
            throw ValidationError("--repository-id and --owner-id must be numbers.")
        }
    }

    func run() async throws {
        let options = self
        try await perform("policy", memory, output) { settings, console in
            let policies = try options.policies(settings)
            let trust = try options.trust(settings, policies, console)
            console.report(PolicyReport(policies, trust, options, settings))
            if let document = options.print {
                switch document {
                case .iam: console.say(policies.identityPolicy(for: options.role ?? .run).text)
                case .bucket: console.say(policies.bucketPolicy.text)
                case .trust: if let trust { console.say(trust.text) }
                }
            } else {
                for (heading, text) in options.all(policies, trust) { console.say("## \(heading)\n\n\(text)\n") }
            }
            for note in notes(settings) { console.note(note, isWarning: false) }
        }
    }

    /// The roles whose IAM policies are shown.
    fileprivate var roles: [MemoryRole] { role.map { [$0] } ?? [.run, .prune] }

    private func all(_ policies: MemoryPolicies, _ trust: PolicyDocument?) -> [(String, String)] {
        var shown: [(String, String)] = roles.map { role in
            let who =
                switch role {
                case .run: "runs"
                case .read: "those who only restore"
                case .prune: "holdfast prune, a role of its own"
                }
            return ("IAM policy for \(who)", policies.identityPolicy(for: role).text)
        }
        shown.append(("Bucket policy", policies.bucketPolicy.text))
        if let trust { shown.append(("Trust policy of the role, for GitHub Actions", trust.text)) }
        return shown
    }

    private func policies(_ settings: Settings) throws -> MemoryPolicies {
        guard case .s3(let bucket) = settings.store else {
            throw UsageError(
                "a policy is for a bucket, and the store is \(settings.store)", hint: "Use --store s3://BUCKET.")
        }
        // Policies for these are made of other actions and resources.
        guard !bucket.hasPrefix("arn:"), !bucket.hasSuffix("--x-s3") else {
            throw UsageError(
                "policies are printed for general purpose buckets only", hint: "Give the bucket by its name.")
        }
        guard scope != .memory || settings.repository != nil else { throw UsageError.noRepository }
        let location = try located("memory") {
            // Only the start of the key counts in the wider scopes.
            try MemoryLocation(
                prefix: settings.prefix, agent: settings.agent, repository: settings.repository ?? "owner/name")
        }
        var policies = MemoryPolicies(
            S3ResourceName(bucket: bucket, region: settings.region), location, scope: scope)
        policies.keepsMirror = settings.keepsMirror
        if case .kms(let id?) = settings.encryption {
            policies.encryptionKey = EncryptionKey(id, account: account ?? settings.expectedBucketOwner)
        }
        return policies
    }

    /// - Returns: `nil` where the repository cannot be one of GitHub's and the document was not asked for by name.
    private func trust(_ settings: Settings, _ policies: MemoryPolicies, _ console: Console) throws -> PolicyDocument? {
        guard let repository = settings.repository else {
            if print == .trust { throw UsageError.noRepository }
            return nil
        }
        guard print == .trust || repository.split(separator: "/").count == 2 else {
            console.note("no trust policy: '\(repository)' is no repository of GitHub", isWarning: false)
            return nil
        }
        var trust = GitHubTrust()
        trust.account = account ?? settings.expectedBucketOwner
        trust.branches = branch.isEmpty && environment.isEmpty ? ["main"] : branch
        trust.environments = environment
        if let ownerID, let repositoryID { trust.identifiers = (ownerID, repositoryID) }
        return try located("trust policy") {
            try trust.policy(for: repository, partition: policies.resource.partition)
        }
    }

    /// What has to be done by hand, or known.
    private func notes(_ settings: Settings) -> [String] {
        var notes: [String] = []
        let isShown = { (document: Document) in print == nil || print == document }
        if isShown(.trust), settings.repository != nil, account ?? settings.expectedBucketOwner == nil {
            notes.append("put the number of your account in the place of \(GitHubTrust.placeholder), or give --account")
        }
        if isShown(.trust), scope != .prefix, settings.agent != .github {
            notes.append(
                "this is the memory of '\(settings.agent)'; runs on GitHub have that of 'github' unless told otherwise: "
                    + "--agent github")
        }
        if isShown(.bucket) {
            notes.append("a bucket has one policy: add these statements to what it has")
        }
        if settings.endpointURL != nil {
            notes.append(
                "the store is not AWS: what it makes of these documents is its own business (holdfast doctor shows it)")
        }
        return notes
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

/// What `policy --json` prints.
private struct PolicyReport: Encodable {
    let success = true
    let scope: String
    let memory: String
    /// By role.
    let iam: [String: PolicyDocument]
    let bucket: PolicyDocument
    @OrNull var trust: PolicyDocument?

    init(_ policies: MemoryPolicies, _ trust: PolicyDocument?, _ command: PolicyCommand, _ settings: Settings) {
        scope = policies.scope.rawValue
        memory = "\(settings.store)/\(policies.location.key)"
        let roles = command.role.map { [$0] } ?? MemoryRole.allCases
        iam = Dictionary(
            roles.map { ($0.rawValue, policies.identityPolicy(for: $0)) }, uniquingKeysWith: { first, _ in first })
        bucket = policies.bucketPolicy
        _trust = OrNull(wrappedValue: trust)
    }
}
