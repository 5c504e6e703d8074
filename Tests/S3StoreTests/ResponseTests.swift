import FoundationEssentials
import NIOHTTP1
import Testing

@testable import S3Store

@Suite("Responses")
struct ResponseTests {
    private func response(
        _ body: String, _ operation: ServiceOperation = .listObjectsV2, status: Int = 200, headers: HTTPHeaders = [:],
        asksURLEncoding: Bool = false
    ) -> ServiceResponse {
        ServiceResponse(
            operation: operation, status: status, headers: headers, body: Array(body.utf8),
            asksURLEncoding: asksURLEncoding)
    }

    private func page(_ body: String, asksURLEncoding: Bool = false) throws -> ListPage {
        try response("<ListBucketResult>\(body)</ListBucketResult>", asksURLEncoding: asksURLEncoding).document()
    }

    @Test("A listing that is cut anywhere is a failure worth a retry, and never a listing")
    func truncatedListing() throws {
        let bytes = Array(Samples.listing.utf8)
        var whole = response("")
        whole.body = bytes
        #expect(try whole.document(ListPage.self).contents.count == 2)
        for length in 0..<bytes.count {
            var cut = whole
            cut.body = Array(bytes[..<length])
            do throws(ServiceError) {
                _ = try cut.document(ListPage.self)
                Issue.record("cut after \(length) bytes, and accepted")
            } catch {
                #expect(error.effectiveStatus == 500)
                #expect(RetryClassifier().judge(FailedAttempt(error, number: 1)).isRetryable)
            }
        }
    }

    @Test(
        "What is no listing is no empty listing",
        arguments: [
            "", "\n", "<html><body/></html>", "{}", "OK", "<ListBucketResult>", "<ListVersionsResult/>", "<Error/>",
            "<a/>",
            "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>k</Key><Size>many</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>k</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>k</Key><Size>9223372036854775808</Size></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
        ])
    func noListing(body: String) {
        #expect(throws: ServiceError.self) { try response(body).document(ListPage.self) }
    }

    @Test("Every document asks for its own root element")
    func roots() {
        let body = response("<Other/>")
        #expect(throws: ServiceError.self) { try body.document(VersionPage.self) }
        #expect(throws: ServiceError.self) { try body.document(BucketList.self) }
        #expect(throws: ServiceError.self) { try body.document(BucketLocation.self) }
        #expect(throws: ServiceError.self) { try body.document(CreatedUpload.self) }
        #expect(throws: ServiceError.self) { try body.document(CompletedUpload.self) }
        #expect(throws: ServiceError.self) { try body.document(PartPage.self) }
        #expect(throws: ServiceError.self) { try body.document(UploadPage.self) }
        #expect(throws: ServiceError.self) { try body.document(CopyResult.self) }
        #expect(throws: ServiceError.self) { try body.document(DeleteResult.self) }
        #expect(throws: ServiceError.self) { try body.document(AssumedRole.self) }
    }

    @Test("Sizes are exact beyond what a floating point number can hold")
    func exactSize() throws {
        let size: Int64 = 9_007_199_254_740_993
        #expect(try page("<Contents><Key>k</Key><Size>\(size)</Size></Contents>").contents[0].size == size)
    }

    @Test(
        "A number may be missing, empty or surrounded by blanks",
        arguments: [
            ("", nil), ("<Size/>", nil), ("<Size> \n</Size>", nil), ("<Size>\n 7 </Size>", 7), ("<Size>0</Size>", 0),
        ] as [(String, Int64?)])
    func numbers(element: String, expected: Int64?) throws {
        #expect(try page("<Contents><Key>k</Key>\(element)</Contents>").contents[0].size == expected)
    }

    @Test(
        "Truth is read as XML Schema writes it",
        arguments: [
            ("true", true), (" True\n", true), ("1", true), ("false", false), ("FALSE", false), ("0", false),
            ("", false),
        ])
    func flags(text: String, expected: Bool) throws {
        #expect(try page("<IsTruncated>\(text)</IsTruncated>").isTruncated == expected)
    }

    @Test(
        "A date that cannot be read costs the date and not the listing",
        arguments: [
            ("2025-11-03T10:20:30.5Z", 1_762_165_230.5), ("Mon, 03 Nov 2025 10:20:30 GMT", 1_762_165_230),
            ("1762165230", 1_762_165_230), ("yesterday", nil), ("", nil), ("nan", nil), ("1e300", nil),
        ])
    func dates(text: String, seconds: Double?) throws {
        let object = try page("<Contents><Key>k</Key><LastModified>\(text)</LastModified></Contents>").contents[0]
        #expect(object.lastModified?.timeIntervalSince1970 == seconds)
    }

    @Test(
        "Names are decoded if the client asked for it and the store did it",
        arguments: [
            ("a+b%20c", true, true, "a b c"), ("a+b%20c", true, false, "a+b%20c"), ("a+b%20c", false, true, "a+b%20c"),
            ("100%25", true, true, "100%"), ("100%", true, true, "100%"), ("%zz%4", true, true, "%zz%4"),
            ("%E6%97%A5%2b", true, true, "\u{65e5}+"), ("cafe%cc%81", true, true, "cafe\u{301}"),
            ("a%00", true, true, "a\0"),
        ])
    func encodedNames(key: String, asked: Bool, done: Bool, expected: String) throws {
        let body = "<Contents><Key>\(key)</Key></Contents>" + (done ? "<EncodingType>url</EncodingType>" : "")
        let found = try page(body, asksURLEncoding: asked).contents[0].key
        #expect(found.utf8.elementsEqual(expected.utf8))
    }

    @Test("A name that decodes to something that is not UTF-8 is an error, not another name")
    func undecodableName() {
        let body = "<EncodingType>url</EncodingType><Contents><Key>a%FF</Key></Contents>"
        #expect(throws: ServiceError.self) { try page(body, asksURLEncoding: true) }
    }

    @Test("Tokens and ids are never decoded")
    func tokens() throws {
        let body = """
            <EncodingType>url</EncodingType><ContinuationToken>a+%41</ContinuationToken>\
            <NextContinuationToken>b+%41</NextContinuationToken>
            """
        let list = try page(body, asksURLEncoding: true)
        #expect(list.continuationToken == "a+%41" && list.nextContinuationToken == "b+%41")
        let versions = try response(
            "<ListVersionsResult><EncodingType>url</EncodingType><VersionIdMarker>a+%41</VersionIdMarker>"
                + "<NextVersionIdMarker>b+</NextVersionIdMarker><NextKeyMarker>c+</NextKeyMarker>"
                + "<Version><Key>k</Key><VersionId>v+</VersionId></Version></ListVersionsResult>",
            .listObjectVersions, asksURLEncoding: true
        ).document(VersionPage.self)
        #expect(versions.versionIDMarker == "a+%41" && versions.nextVersionIDMarker == "b+")
        #expect(versions.versions[0].versionID == "v+" && versions.nextKeyMarker == "c ")
    }

    @Test("The next page of version 1 starts after the last key, unless the store says where")
    func followingMarker() throws {
        let keys = "<Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents>"
        #expect(try page(keys).followingMarker == nil)
        #expect(try page(keys + "<IsTruncated>true</IsTruncated>").followingMarker == "b")
        let marked = "<IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>"
        #expect(try page(keys + marked).followingMarker == "m")
    }

    @Test("An upload without an id, and credentials that are incomplete, are errors")
    func incomplete() {
        #expect(throws: ServiceError.self) {
            try response("<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>")
                .document(CreatedUpload.self)
        }
        for missing in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            let names = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].filter { $0 != missing }
            let inside = names.map { "<\($0)>\($0 == "Expiration" ? "2025-11-03T10:20:30Z" : "x")</\($0)>" }.joined()
            let body = "<AssumeRoleResponse><AssumeRoleResult><Credentials>\(inside)</Credentials></AssumeRoleResult>"
            #expect(throws: ServiceError.self, "without \(missing)") {
                try response(body + "</AssumeRoleResponse>", .assumeRole).document(AssumedRole.self)
            }
        }
    }

    @Test(
        "A write that is answered with a page, an error or noise did not happen",
        arguments: [
            "<Error><Code>InternalError</Code></Error>", "<html><body>Sign in</body></html>", "<HTML/>", "moved",
            "<Error>",
        ])
    func noWrite(body: String) {
        #expect(throws: ServiceError.self) { try response(body, .putObject).withoutDocument() }
    }

    @Test(
        "A write that is answered with nothing, blanks or some other document happened",
        arguments: [
            "", " \r\n", "<PutObjectResult/>",
        ])
    func write(body: String) throws {
        let headers = try response(body, .putObject, headers: ["etag": "\"x\""]).withoutDocument()
        #expect(ObjectHeaders(headers).etag == "\"x\"")
    }

    @Test(
        "A content range says which bytes came, of how many",
        arguments: [
            ("bytes 0-9/443", 0...9, 443), ("bytes 5-5/*", 5...5, nil), ("bytes */10", nil, 10),
        ] as [(String, ClosedRange<Int64>?, Int64?)])
    func contentRange(text: String, bytes: ClosedRange<Int64>?, total: Int64?) throws {
        let range = try #require(ContentRange(text))
        #expect(range.bytes == bytes && range.total == total)
    }

    @Test(
        "A content range that makes no sense is none",
        arguments: [
            "", "bytes", "bytes 0-9", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-5/9", "bytes */*", "items 0-1/2",
            "bytes 0-9/443/1", "bytes 0-99999999999999999999/*", "bytes 0-1/x",
        ])
    func badContentRange(text: String) {
        #expect(ContentRange(text) == nil)
    }

    @Test(
        "An empty location is the oldest region, and EU the second",
        arguments: [
            ("", "us-east-1"), ("EU", "eu-west-1"), ("eu-central-1", "eu-central-1"),
        ])
    func location(constraint: String, region: String) throws {
        let body = "<LocationConstraint>\(constraint)</LocationConstraint>"
        #expect(try response(body, .getBucketLocation).document(BucketLocation.self).region == region)
    }
}
