import S3Store

/// The policies that give a memory exactly the rights that it needs, made from what the code does
/// (``MemoryRole/operations(on:keepsMirror:)``, `StoreOperation`).
public struct MemoryPolicies: Sendable {
    public let resource: S3ResourceName
    public let location: MemoryLocation
    public let scope: PolicyScope
    public var keepsMirror = true
    /// The key that objects are encrypted with, where it is one of the account's own.
    public var encryptionKey: EncryptionKey?

    public init(_ resource: S3ResourceName, _ location: MemoryLocation, scope: PolicyScope = .memory) {
        self.resource = resource
        self.location = location
        self.scope = scope
    }

    /// The patterns for the keys of parts of the memories.
    private func keys(_ parts: [MemoryPart]) -> [String] {
        let memory = scope.pattern(of: location)
        return parts.map { "\(memory)/\($0.pattern)" }
    }

    // MARK: For a role

    /// The policy to attach to a role or a user.
    public func identityPolicy(for role: MemoryRole) -> PolicyDocument {
        var statements = [statement(role, .listBucket)].compactMap(\.self)
        // Actions that are needed for the same objects stand in one statement.
        var actions: [(names: [S3Action], parts: [MemoryPart])] = []
        for action in S3Action.allCases where action != .listBucket {
            let parts = parts(role, needing: action)
            guard !parts.isEmpty else { continue }
            if let same = actions.firstIndex(where: { $0.parts == parts }) {
                actions[same].names.append(action)
            } else {
                actions.append(([action], parts))
            }
        }
        for (names, parts) in actions {
            statements.append([
                .init("Sid", names.map(\.statementName).joined(separator: "And")), .init("Effect", "Allow"),
                .init("Action", names.map(\.rawValue)), .init("Resource", keys(parts).map(resource.objects)),
            ])
        }
        if let encryptionKey {
            let needed = Set(MemoryPart.allCases.flatMap { operations(role, $0) }.flatMap(\.keyActions))
            let actions = KMSAction.allCases.filter(needed.contains)
            statements.append(encryptionKey.statement(actions, resource))
        }
        return PolicyDocument(statements)
    }

    private func operations(_ role: MemoryRole, _ part: MemoryPart) -> [StoreOperation] {
        role.operations(on: part, keepsMirror: keepsMirror)
    }

    private func parts(_ role: MemoryRole, needing action: S3Action) -> [MemoryPart] {
        MemoryPart.allCases.filter { operations(role, $0).contains { $0.actions.contains(action) } }
    }

    /// The right to list is one on the bucket: what limits it is the prefix that a request asks for.
    private func statement(_ role: MemoryRole, _ action: S3Action) -> [PolicyDocument.Member]? {
        let parts = parts(role, needing: action)
        guard !parts.isEmpty else { return nil }
        return [
            .init("Sid", action.statementName), .init("Effect", "Allow"), .init("Action", action.rawValue),
            .init("Resource", resource.bucket),
            .init("Condition", [.init("StringLike", [.init("s3:prefix", keys(parts))])]),
        ]
    }

    // MARK: For the bucket

    /// A pattern for the keys of commits. A wildcard also stands for slashes, so with one before it `commits/*` would take in
    /// files of the mirror view that have such a directory on their path; they are not called like commits.
    private var commits: String {
        scope == .memory
            ? keys([.commits])[0]
            : "\(scope.pattern(of: location))/\(MemoryPart.commits.rawValue)/09\(String(repeating: "?", count: 18))*"
    }

    /// Statements for the bucket's own policy, which bind everybody: nothing without TLS, and no commit is written unless
    /// its key is free, so that not even who may write can replace one.
    public var bucketPolicy: PolicyDocument {
        PolicyDocument([
            [
                .init("Sid", "DenyWithoutTLS"), .init("Effect", "Deny"), .init("Principal", "*"),
                .init("Action", "s3:*"), .init("Resource", [resource.bucket, resource.objects("*")]),
                .init("Condition", [.init("Bool", [.init("aws:SecureTransport", "false")])]),
            ],
            [
                .init("Sid", "DenyReplacingCommits"), .init("Effect", "Deny"), .init("Principal", "*"),
                .init("Action", S3Action.putObject.rawValue),
                .init("Resource", resource.objects(commits)),
                .init("Condition", [.init("Null", [.init("s3:if-none-match", "true")])]),
            ],
        ])
    }
}

extension S3Action {
    fileprivate var statementName: String {
        switch self {
        case .listBucket: "List"
        case .getObject: "Read"
        case .putObject: "Write"
        case .abortMultipartUpload: "AbortUploads"
        case .deleteObject: "Delete"
        }
    }
}
