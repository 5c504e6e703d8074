import S3Store

/// A key of AWS KMS that encrypts a memory's objects: `--sse-kms-key-id`.
///
/// Without an id S3 takes the account's key for S3, which everybody in the account may use by way of S3, so that no
/// statement is needed.
public struct EncryptionKey: Sendable {
    private let id: String
    private let account: String?

    /// - Parameters:
    ///   - id: an ARN, a key's id, or an alias with `alias/` before it.
    ///   - account: the account that has the key, where the id does not say it.
    public init(_ id: String, account: String? = nil) {
        self.id = id
        self.account = account
    }

    func statement(_ actions: [KMSAction], _ bucket: S3ResourceName) -> [PolicyDocument.Member] {
        // A grant on an alias does not cover the key behind it; a condition on the key's aliases does.
        let alias = id.hasPrefix("arn:") ? id.firstRange(of: ":alias/").map { id[$0.lowerBound...].dropFirst() } : nil
        let name = alias.map(String.init) ?? (id.hasPrefix("alias/") ? id : nil)
        let keys = "arn:\(bucket.partition):kms:\(bucket.region):\(owner):key/"
        var conditions: [PolicyDocument.Member] = [
            .init("StringEquals", [.init("kms:ViaService", "s3.\(bucket.region).\(bucket.domain)")])
        ]
        if let name { conditions.append(.init("ForAnyValue:StringEquals", [.init("kms:ResourceAliases", name)])) }
        return [
            .init("Sid", "UseTheKey"), .init("Effect", "Allow"), .init("Action", actions.map(\.rawValue)),
            .init("Resource", name != nil ? keys + "*" : id.hasPrefix("arn:") ? id : keys + id),
            .init("Condition", conditions),
        ]
    }

    private var owner: String {
        let parts = id.split(separator: ":", omittingEmptySubsequences: false)
        return id.hasPrefix("arn:") && parts.count > 4 ? String(parts[4]) : account ?? "*"
    }
}
