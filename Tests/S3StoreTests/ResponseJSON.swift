import Foundation
import TestSupport

@testable import S3Store

// The typed results in the shape of the vectors: names as in the S3 API, a missing value as null, an instant as seconds
// since 1970. What is not named here the client does not read, and the vectors are not asked about it.

extension JSONValue {
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    init(_ number: Int64?) { self = number.map { .number(Double($0)) } ?? .null }
    init(_ date: Date?) { self = date.map { .number($0.timeIntervalSince1970) } ?? .null }
    init(_ owner: Owner?) { self = .object(["ID": .init(owner?.id), "DisplayName": .init(owner?.displayName)]) }
    init(prefixes: [String]) { self = .array(prefixes.map { .object(["Prefix": .string($0)]) }) }
}

extension Checksums {
    var members: [String: JSONValue] { valueMembers.merging(["ChecksumType": .init(type)]) { $1 } }

    /// Without the type, which the API does not tell of a part.
    var valueMembers: [String: JSONValue] {
        Dictionary(uniqueKeysWithValues: values.map { ("Checksum" + $0.uppercased(), .string($1)) })
    }
}

extension ListedObject {
    var members: [String: JSONValue] {
        [
            "Key": .string(key), "Size": .init(size), "ETag": .init(etag), "LastModified": .init(lastModified),
            "StorageClass": .init(storageClass), "Owner": .init(owner),
            "ChecksumAlgorithm": .array(checksumAlgorithms.map { .string($0) }),
        ]
    }
}

extension ListPage {
    func json(_ operation: ServiceOperation) -> JSONValue {
        var members: [String: JSONValue] = [
            "Name": .init(name), "Delimiter": .init(delimiter), "EncodingType": .init(encodingType),
            "MaxKeys": .init(maxKeys), "IsTruncated": .bool(isTruncated),
            "CommonPrefixes": .init(prefixes: commonPrefixes),
            "Contents": .array(contents.map { .object($0.members) }),
        ]
        if operation == .listObjectsV2 {
            members["Prefix"] = .init(prefix)
            members["StartAfter"] = .init(startAfter)
            members["KeyCount"] = .init(keyCount)
            members["ContinuationToken"] = .init(continuationToken)
            members["NextContinuationToken"] = .init(nextContinuationToken)
        } else {
            // Not the prefix: the vectors leave it encoded in version 1, although stores do encode it.
            members["Marker"] = .init(marker)
            members["NextMarker"] = .init(nextMarker)
        }
        return .object(members)
    }
}

extension VersionPage {
    var json: JSONValue {
        .object([
            "Name": .init(name), "Prefix": .init(prefix), "Delimiter": .init(delimiter), "MaxKeys": .init(maxKeys),
            "EncodingType": .init(encodingType), "IsTruncated": .bool(isTruncated), "KeyMarker": .init(keyMarker),
            "VersionIdMarker": .init(versionIDMarker), "NextKeyMarker": .init(nextKeyMarker),
            "NextVersionIdMarker": .init(nextVersionIDMarker), "CommonPrefixes": .init(prefixes: commonPrefixes),
            "Versions": .array(versions.map(\.json)), "DeleteMarkers": .array(deleteMarkers.map(\.markerJSON)),
        ])
    }
}

extension ListedVersion {
    var json: JSONValue {
        .object(object.members.merging(["VersionId": .init(versionID), "IsLatest": .bool(isLatest)]) { $1 })
    }

    /// The API knows neither size nor ETag of a delete marker.
    var markerJSON: JSONValue {
        let names: Set<String> = ["Key", "VersionId", "IsLatest", "LastModified", "Owner"]
        return .object((json.object ?? [:]).filter { names.contains($0.key) })
    }
}

extension BucketList {
    var json: JSONValue {
        .object([
            "Owner": .init(owner), "Prefix": .init(prefix), "ContinuationToken": .init(continuationToken),
            "Buckets": .array(
                buckets.map {
                    .object([
                        "Name": .string($0.name), "CreationDate": .init($0.creationDate),
                        "BucketRegion": .init($0.region),
                    ])
                }),
        ])
    }
}

extension PartPage {
    var json: JSONValue {
        .object([
            "Bucket": .init(bucket), "Key": .init(key), "UploadId": .init(uploadID), "Owner": .init(owner),
            "StorageClass": .init(storageClass), "Initiator": .init(initiator), "MaxParts": .init(maxParts),
            "IsTruncated": .bool(isTruncated), "PartNumberMarker": .init(partNumberMarker),
            "NextPartNumberMarker": .init(nextPartNumberMarker),
            "Parts": .array(
                parts.map { part in
                    let members: [String: JSONValue] = [
                        "PartNumber": .init(part.number), "Size": .init(part.size), "ETag": .init(part.etag),
                        "LastModified": .init(part.lastModified),
                    ]
                    return .object(part.checksums.valueMembers.merging(members) { $1 })
                }),
        ])
    }
}

extension UploadPage {
    var json: JSONValue {
        .object([
            "Bucket": .init(bucket), "Prefix": .init(prefix), "Delimiter": .init(delimiter),
            "EncodingType": .init(encodingType), "MaxUploads": .init(maxUploads), "IsTruncated": .bool(isTruncated),
            "KeyMarker": .init(keyMarker), "UploadIdMarker": .init(uploadIDMarker),
            "NextKeyMarker": .init(nextKeyMarker),
            "NextUploadIdMarker": .init(nextUploadIDMarker), "CommonPrefixes": .init(prefixes: commonPrefixes),
            "Uploads": .array(
                uploads.map {
                    .object([
                        "Key": .string($0.key), "UploadId": .string($0.uploadID), "Initiated": .init($0.initiated),
                        "StorageClass": .init($0.storageClass), "Owner": .init($0.owner),
                        "Initiator": .init($0.initiator),
                    ])
                }),
        ])
    }
}

extension CompletedUpload {
    var json: JSONValue {
        let members: [String: JSONValue] = [
            "Location": .init(location), "Bucket": .init(bucket), "Key": .init(key), "ETag": .init(etag),
            "VersionId": .init(versionID),
        ]
        return .object(checksums.members.merging(members) { $1 })
    }
}

extension CopyResult {
    var partMembers: [String: JSONValue] {
        checksums.valueMembers.merging(["ETag": .init(etag), "LastModified": .init(lastModified)]) { $1 }
    }
    var members: [String: JSONValue] { checksums.members.merging(partMembers) { $1 } }
}

extension DeleteResult {
    var json: JSONValue {
        .object([
            "Deleted": .array(
                deleted.map {
                    .object([
                        "Key": .string($0.key), "VersionId": .init($0.versionID),
                        "DeleteMarker": .bool($0.isDeleteMarker),
                        "DeleteMarkerVersionId": .init($0.deleteMarkerVersionID),
                    ])
                }),
            "Errors": .array(
                errors.map {
                    .object([
                        "Key": .string($0.key), "VersionId": .init($0.versionID), "Code": .init($0.code),
                        "Message": .init($0.message),
                    ])
                }),
        ])
    }
}

extension ObjectHeaders {
    /// What the API lets each operation say.
    func json(_ operation: ServiceOperation) -> JSONValue {
        var members: [String: JSONValue] = [
            "ETag": .init(etag), "ServerSideEncryption": .init(serverSideEncryption), "SSEKMSKeyId": .init(kmsKeyID),
        ].merging(checksums.valueMembers) { $1 }
        switch operation {
        case .uploadPart: break
        case .putObject:
            members["VersionId"] = .init(versionID)
            members["ChecksumType"] = .init(checksums.type)
        case .deleteObject: members = ["DeleteMarker": .bool(isDeleteMarker), "VersionId": .init(versionID)]
        case .headObject, .getObject: return readJSON
        default: members = [:]
        }
        return .object(members)
    }

    private var readJSON: JSONValue {
        var members = checksums.members
        members["ETag"] = .init(etag)
        members["VersionId"] = .init(versionID)
        members["DeleteMarker"] = .bool(isDeleteMarker)
        members["ServerSideEncryption"] = .init(serverSideEncryption)
        members["SSEKMSKeyId"] = .init(kmsKeyID)
        let range = contentRange.map { range in
            let bytes = range.bytes.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "*"
            return "bytes \(bytes)/\(range.total.map { "\($0)" } ?? "*")"
        }
        members["ContentLength"] = .init(contentLength)
        members["ContentRange"] = .init(range)
        members["ContentType"] = .init(contentType)
        members["ContentEncoding"] = .init(contentEncoding)
        members["AcceptRanges"] = .init(acceptRanges)
        members["LastModified"] = .init(lastModified)
        members["StorageClass"] = .init(storageClass)
        members["PartsCount"] = .init(partsCount)
        members["Metadata"] = .object(metadata.mapValues { .string($0) })
        return .object(members)
    }
}

extension AssumedRole {
    var json: JSONValue {
        .object([
            "Credentials": .object([
                "AccessKeyId": .string(credentials.accessKeyID),
                "SecretAccessKey": .string(credentials.secretAccessKey),
                "SessionToken": .init(credentials.sessionToken), "Expiration": .init(credentials.expiration),
            ]),
            "AssumedRoleUser": .object(["Arn": .init(arn), "AssumedRoleId": .init(assumedRoleID)]),
            "SubjectFromWebIdentityToken": .init(subject), "Audience": .init(audience),
            "Provider": .init(identityProvider),
        ])
    }
}
