import Crypto
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@testable import S3Store

@Suite("Responses: conformance vectors")
struct ResponseVectorTests {
    /// What the client makes of an answer.
    private enum Outcome {
        case success(JSONValue)
        case error(ServiceError)
    }

    @Test("Every answer is read as the vectors say", arguments: Vectors.load("responses", kinds: ["response"]))
    func response(_ vector: Vector) throws {
        let outcome = try read(vector.input)
        let reasons = ([vector.expected] + vector.accept).map { mismatch($0, outcome, vector.input) }
        #expect(reasons.contains(nil), "\(reasons[0] ?? "")")
    }

    private func read(_ input: JSONValue) throws -> Outcome {
        let headers = HTTPHeaders(input["headers"].pairs.map { ($0.name, $0.value ?? "") })
        let encoded = input["body_base64"].string.flatMap { Data(base64Encoded: $0) }
        let response = ServiceResponse(
            operation: ServiceOperation(rawValue: try #require(input["operation"].string)),
            status: try #require(input["status"].int), headers: headers,
            body: encoded.map { Array($0) } ?? Array((input["body"].string ?? "").utf8),
            asksURLEncoding: input["client_asked_encoding_url"].bool ?? false)
        do throws(ServiceError) { return .success(try parsed(response)) } catch { return .error(error) }
    }

    private func parsed(_ response: ServiceResponse) throws(ServiceError) -> JSONValue {
        switch response.operation {
        case .listObjectsV2, .listObjects: return try response.document(ListPage.self).json(response.operation)
        case .listObjectVersions: return try response.document(VersionPage.self).json
        case .listBuckets: return try response.document(BucketList.self).json
        case .getBucketLocation:
            return .object(["LocationConstraint": .string(try response.document(BucketLocation.self).constraint)])
        case .headBucket:
            let bucket = try BucketHeaders(response)
            return .object(["BucketRegion": .init(bucket.region), "AccessPointAlias": .bool(bucket.isAccessPointAlias)])
        case .getObject, .headObject:
            guard response.isSuccess else { throw ServiceError(response) }
            return ObjectHeaders(response.headers).json(response.operation)
        case .createMultipartUpload:
            let upload = try response.document(CreatedUpload.self)
            return .object([
                "Bucket": .init(upload.bucket), "Key": .init(upload.key), "UploadId": .string(upload.uploadID),
            ])
        case .completeMultipartUpload: return try response.document(CompletedUpload.self).json
        case .listParts: return try response.document(PartPage.self).json
        case .listMultipartUploads: return try response.document(UploadPage.self).json
        case .copyObject:
            let result = try response.document(CopyResult.self)
            return .object(["CopyObjectResult": .object(result.members), "VersionId": .init(result.versionID)])
        case .uploadPartCopy:
            return .object(["CopyPartResult": .object(try response.document(CopyResult.self).partMembers)])
        case .deleteObjects: return try response.document(DeleteResult.self).json
        case .assumeRole, .assumeRoleWithWebIdentity: return try response.document(AssumedRole.self).json
        default: return ObjectHeaders(try response.withoutDocument()).json(response.operation)
        }
    }

    private func mismatch(_ expected: JSONValue, _ outcome: Outcome, _ input: JSONValue) -> String? {
        switch (outcome, expected["outcome"].string) {
        case (.success(let parsed), "success"):
            guard expected["contents_digest"].isNull else { return digestMismatch(expected, parsed) }
            return difference(expected["parsed"], parsed)
        case (.error(let error), "error"): return errorMismatch(expected, error)
        case (.success, _): return "an error is expected, got a success"
        case (.error(let error), _): return "a success is expected, got \(error)"
        }
    }

    private func errorMismatch(_ expected: JSONValue, _ error: ServiceError) -> String? {
        if let status = expected["treat_as_status"].int, status != error.effectiveStatus {
            return "status \(error.effectiveStatus)"
        }
        guard expected["code"].string != "*" else { return nil }
        // Where the body has no code, the vectors put the status in its place and accept none as well.
        let code = expected["code_from_status"].bool == true ? .null : expected["code"]
        let actual: JSONValue = .object([
            "code": .init(error.code), "request_id": .init(error.requestID), "host_id": .init(error.hostID),
            "message": .init(error.message),
        ])
        for (name, value) in ["code": code, "message": expected["message"]] {
            if name == "message" && expected["message_from_status"].bool == true { continue }
            if let found = difference(value, actual[name], at: name) { return found }
        }
        for name in ["request_id", "host_id"] where expected[name].string?.isEmpty == false {
            if let found = difference(expected[name], actual[name], at: name) { return found }
        }
        for (name, value) in expected["fields"].object ?? [:] where value.string != nil {
            if ServiceError.isConfidential(name) {
                if error.fields[name] != nil { return "\(name) is kept" }
            } else if let found = difference(value, .init(error.fields[name]), at: name) {
                return found
            }
        }
        return nil
    }

    /// Large pages are compared by count, sum, first, last and hashes.
    private func digestMismatch(_ expected: JSONValue, _ parsed: JSONValue) -> String? {
        let digest = expected["contents_digest"]
        var members = parsed.object ?? [:]
        guard let contents = members.removeValue(forKey: "Contents")?.array, let first = contents.first,
            let last = contents.last
        else { return "the page is empty" }
        func hash(_ name: String) -> JSONValue {
            let text = contents.map { $0[name].string ?? "" }.joined(separator: "\n")
            return .string(SHA256.hash(data: Array(text.utf8)).map { String(format: "%02x", $0) }.joined())
        }
        return difference(expected["parsed"], .object(members))
            ?? difference(
                digest,
                .object([
                    "count": .number(Double(contents.count)), "first": first, "last": last,
                    "size_sum": .number(contents.reduce(0) { $0 + ($1["Size"].number ?? 0) }),
                    "keys_sha256": hash("Key"), "etags_sha256": hash("ETag"),
                ]))
    }
}
