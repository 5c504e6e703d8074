import NIOHTTP1
import Testing

@testable import S3Store

@Suite("Service errors")
struct ServiceErrorTests {
    private func error(_ body: String, status: Int = 403, headers: HTTPHeaders = [:]) -> ServiceError {
        ServiceError(
            ServiceResponse(operation: .putObject, status: status, headers: headers, body: Array(body.utf8)))
    }

    @Test("An error says operation, status, code, message and request")
    func description() {
        let error = error("<Error><Code>AccessDenied</Code><Message>No.</Message><RequestId>R1</RequestId></Error>")
        #expect("\(error)" == "PutObject failed: status 403 AccessDenied: No. (request R1)")
        #expect("\(self.error("", status: 502))" == "PutObject failed: status 502: Bad Gateway")
    }

    @Test("What may hold credentials is neither kept nor shown")
    func secrets() {
        let token = String(repeating: "FwoGZXIvYXdz", count: 40)
        let error = error(
            """
            <Error><Code>ExpiredToken</Code><Message>Expired: \(token)</Message><Token-0>\(token)</Token-0>\
            <SessionToken>\(token)</SessionToken><CanonicalRequest>x-amz-security-token:\(token)</CanonicalRequest>\
            <CanonicalRequestBytes>46 77</CanonicalRequestBytes><Secret>\(token)</Secret><Region>eu-west-1</Region>\
            </Error>
            """)
        #expect(error.fields == ["Region": "eu-west-1"])
        var shown = ""
        dump(error.fields, to: &shown)
        for text in ["\(error)", String(reflecting: error), shown] {
            #expect(!text.contains(token))
            #expect(text.count <= ServiceError.maximumDescription)
        }
    }

    @Test("A long or colourful message stays short and plain")
    func hostileMessage() {
        let body =
            "<Error><Code>\(String(repeating: "c", count: 9999))</Code>"
            + "<Message>a&#10;b\u{9B}31m\u{202E}\(String(repeating: "word ", count: 9999))</Message></Error>"
        let text = "\(error(body))"
        #expect(text.count <= ServiceError.maximumDescription)
        #expect(text.contains("a b 31m"))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9B || $0.value == 0x202E })
    }

    @Test(
        "Without a usable document the status speaks",
        arguments: [
            "", "<Error><Code>SlowDown</Code>", "<html/>", "<HTML><BODY/></HTML>", "down", "<!DOCTYPE x><Error/>",
        ])
    func status(body: String) {
        let error = error(body, status: 503)
        #expect(error.code == nil && error.message == "Service Unavailable" && error.effectiveStatus == 503)
    }

    @Test("The ids of the headers come first, except where only the wrapped form has one of its own")
    func ids() {
        let headers: HTTPHeaders = ["X-Amz-Request-Id": "header", "X-Amz-Id-2": "host"]
        let plain = error("<Error><Code>A</Code><RequestId>body</RequestId></Error>", headers: headers)
        #expect(plain.requestID == "header" && plain.hostID == "host")
        #expect(error("<Error><RequestId>body</RequestId><HostId>h</HostId></Error>").hostID == "h")
        let wrapped = "<ErrorResponse><Error><Code>A</Code></Error><RequestId>body</RequestId></ErrorResponse>"
        #expect(error(wrapped, headers: headers).requestID == "body")
        #expect(error("", headers: ["x-amzn-RequestId": "r"]).requestID == "r")
    }

    @Test("An error document larger than a megabyte is not read")
    func large() {
        let error = error("<Error><Code>A</Code><Message>\(String(repeating: "m", count: 1 << 20))</Message></Error>")
        #expect(error.code == nil)
    }
}
