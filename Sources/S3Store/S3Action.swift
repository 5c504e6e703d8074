/// A right for S3 as policies name it (AWS Service Authorization Reference, "Actions, resources, and condition keys for
/// Amazon S3").
public enum S3Action: String, Sendable, CaseIterable {
    case listBucket = "s3:ListBucket"
    case getObject = "s3:GetObject"
    case putObject = "s3:PutObject"
    case abortMultipartUpload = "s3:AbortMultipartUpload"
    case deleteObject = "s3:DeleteObject"
}

/// A right for the key that encrypts objects (Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys").
public enum KMSAction: String, Sendable, CaseIterable {
    case decrypt = "kms:Decrypt"
    case generateDataKey = "kms:GenerateDataKey"
}

extension ServiceOperation {
    /// The right that each request of the S3 client needs: the one place that knows.
    private static let rights: [ServiceOperation: S3Action] = [
        .listObjectsV2: .listBucket,
        .headBucket: .listBucket,
        .getObject: .getObject,
        .headObject: .getObject,
        .putObject: .putObject,
        .createMultipartUpload: .putObject,
        .uploadPart: .putObject,
        .completeMultipartUpload: .putObject,
        .abortMultipartUpload: .abortMultipartUpload,
        .deleteObject: .deleteObject,
        .deleteObjects: .deleteObject,
    ]

    /// `nil` for a request that the S3 client does not send.
    var requiredAction: S3Action? { Self.rights[self] }
}

/// What a store is asked to do, as far as rights go: the methods of `ObjectStore`, and that large objects are written in
/// parts.
public enum StoreOperation: String, Sendable, CaseIterable {
    case list, read, write
    /// Writing an object of more than ``S3Store/largestWhole`` bytes.
    case writeInParts
    case delete

    /// The requests that ``S3Store`` may send for it.
    var requests: [ServiceOperation] {
        switch self {
        case .list: [.listObjectsV2]
        case .read: [.getObject, .headObject]
        case .write: [.putObject]
        case .writeInParts: [.createMultipartUpload, .uploadPart, .completeMultipartUpload, .abortMultipartUpload]
        case .delete: [.deleteObjects, .deleteObject]
        }
    }

    /// The rights that it needs in S3, each once.
    public var actions: [S3Action] {
        let needed = requests.compactMap(\.requiredAction)
        return S3Action.allCases.filter(needed.contains)
    }

    /// The rights that it needs for the key where objects are encrypted with one of KMS. Parts are encrypted with a data
    /// key that is decrypted again for the next part.
    public var keyActions: [KMSAction] {
        switch self {
        case .list, .delete: []
        case .read: [.decrypt]
        case .write: [.generateDataKey]
        case .writeInParts: [.decrypt, .generateDataKey]
        }
    }
}

extension S3Store {
    /// Objects up to this length, in bytes, are written with one request.
    public static var largestWhole: Int64 { S3Multipart.smallestPart }
}
