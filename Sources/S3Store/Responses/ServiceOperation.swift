/// An operation of a service, by its name in the API.
struct ServiceOperation: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    let rawValue: String

    static let listObjectsV2 = ServiceOperation(rawValue: "ListObjectsV2")
    static let listObjects = ServiceOperation(rawValue: "ListObjects")
    static let listObjectVersions = ServiceOperation(rawValue: "ListObjectVersions")
    static let listBuckets = ServiceOperation(rawValue: "ListBuckets")
    static let getBucketLocation = ServiceOperation(rawValue: "GetBucketLocation")
    static let headBucket = ServiceOperation(rawValue: "HeadBucket")
    static let createBucket = ServiceOperation(rawValue: "CreateBucket")
    static let headObject = ServiceOperation(rawValue: "HeadObject")
    static let getObject = ServiceOperation(rawValue: "GetObject")
    static let putObject = ServiceOperation(rawValue: "PutObject")
    static let copyObject = ServiceOperation(rawValue: "CopyObject")
    static let deleteObject = ServiceOperation(rawValue: "DeleteObject")
    static let deleteObjects = ServiceOperation(rawValue: "DeleteObjects")
    static let createMultipartUpload = ServiceOperation(rawValue: "CreateMultipartUpload")
    static let uploadPart = ServiceOperation(rawValue: "UploadPart")
    static let uploadPartCopy = ServiceOperation(rawValue: "UploadPartCopy")
    static let completeMultipartUpload = ServiceOperation(rawValue: "CompleteMultipartUpload")
    static let abortMultipartUpload = ServiceOperation(rawValue: "AbortMultipartUpload")
    static let listParts = ServiceOperation(rawValue: "ListParts")
    static let listMultipartUploads = ServiceOperation(rawValue: "ListMultipartUploads")
    static let assumeRole = ServiceOperation(rawValue: "AssumeRole")
    static let assumeRoleWithWebIdentity = ServiceOperation(rawValue: "AssumeRoleWithWebIdentity")

    /// Whether the operation belongs to the Security Token Service.
    var isSecurityTokenService: Bool { rawValue.hasPrefix("AssumeRole") || rawValue == "GetCallerIdentity" }

    /// Whether the method is HEAD, so that an error has no body.
    var isHead: Bool { self == .headObject || self == .headBucket }

    var description: String { rawValue }
}
