import Foundation
import TestSupport
import Testing

@testable import S3Store

@Suite("Presigned URLs")
struct PresignVectorTests {
    @Test("A URL is presigned as AWS does", arguments: Vectors.load("presign", kinds: ["sigv4-presign"]))
    func presign(vector: Vector) throws {
        let input = try SigningInput(vector.input)
        let presigned = try input.signer.presign(
            input.request, expires: try #require(vector.input["expires"].int), credentials: input.credentials,
            date: input.date)

        expectSame(presigned.canonicalRequest, vector.expected["canonical_request"], "canonical request")
        expectSame(presigned.stringToSign, vector.expected["string_to_sign"], "string to sign")
        expectSame(presigned.signedHeaders, vector.expected["signed_headers"], "signed headers")
        expectSame(presigned.signature, vector.expected["signature"], "signature")
        // The order of the query is free.
        let expected = try #require(vector.expected["url"].string).split(separator: "?", maxSplits: 1)
        let actual = presigned.url.split(separator: "?", maxSplits: 1)
        #expect(Array(actual[0].utf8) == Array(expected[0].utf8))
        #expect(Set(actual[1].split(separator: "&")) == Set(expected[1].split(separator: "&")))
    }

    @Test("A lifetime that S3 would refuse is refused", arguments: [0, -1, 604_801, .max])
    func lifetime(expires: Int) throws {
        let request = SignableRequest(method: "GET", authority: "h", path: RequestPath(decoded: "/k".utf8))
        let credentials = Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        #expect(throws: PresignError(expires: expires)) {
            try SigV4Signer(region: "r").presign(
                request, expires: expires, credentials: credentials, date: Date(timeIntervalSince1970: 0))
        }
    }

    @Test("The description of a presigned URL does not hold it")
    func description() throws {
        let request = SignableRequest(method: "GET", authority: "h", path: RequestPath(decoded: "/k".utf8))
        let credentials = Credentials(accessKeyID: "AKID", secretAccessKey: "secret", sessionToken: "token")
        let presigned = try SigV4Signer(region: "r").presign(
            request, expires: 60, credentials: credentials, date: Date(timeIntervalSince1970: 0))
        #expect(presigned.url.contains(presigned.signature))
        #expect(!"\(presigned)".contains(presigned.signature))
        #expect(!"\(presigned)".contains("token"))
    }
}
