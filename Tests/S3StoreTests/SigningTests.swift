import Basics
import Crypto
import Foundation
import NIOCore
import Testing

@testable import S3Store

@Suite("Signing")
struct SigningTests {
    private let credentials = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "a-secret", sessionToken: "a-token")
    private let date = Date(timeIntervalSince1970: 1_369_353_600)

    private func sign(_ request: SignableRequest, at date: Date? = nil, region: String = "us-east-1") -> SigV4Signature
    {
        SigV4Signer(region: region).sign(request, payload: .empty, credentials: credentials, date: date ?? self.date)
    }

    private func request(
        authority: String = "host", scheme: String = "https", headers: [(name: String, value: String)] = []
    ) -> SignableRequest {
        SignableRequest(
            method: "GET", scheme: scheme, authority: authority, path: RequestPath(decoded: "/k".utf8), headers: headers
        )
    }

    @Test("Signing again replaces what an earlier attempt left")
    func repeated() {
        let first = sign(request())
        let again = sign(request(headers: first.headers), at: date + 60)
        #expect(again.canonicalRequest == sign(request(), at: date + 60).canonicalRequest)
        #expect(again.value != first.value)
    }

    @Test(
        "The host is signed in lower case and without its default port",
        arguments: [
            ("https", "Bucket.Example.COM:443", "bucket.example.com"), ("http", "h:80", "h"),
            ("http", "h:443", "h:443"),
            ("https", "h:80", "h:80"), ("https", "h:0443", "h"), ("https", "h:09000", "h:9000"), ("https", "h:", "h"),
            ("http", "[::1]:80", "[::1]"), ("http", "[::1]:9000", "[::1]:9000"), ("https", "[::1]", "[::1]"),
            ("HTTPS", "h:443", "h"),
        ])
    func host(scheme: String, authority: String, expected: String) {
        #expect(request(authority: authority, scheme: scheme).host == expected)
    }

    @Test("Composed and decomposed keys are different paths")
    func normalisation() {
        #expect(RequestPath.empty.appending(key: "\u{E9}".utf8).text == "/%C3%A9")
        #expect(RequestPath.empty.appending(key: "e\u{301}".utf8).text == "/e%CC%81")
    }

    @Test(
        "A key is joined to its base path with one slash, and keeps its own",
        arguments: [
            ("", "k", "/k"), ("", "/k", "//k"), ("/b", "k", "/b/k"), ("/b", "/k", "/b//k"),
            ("/b/", "a//b/", "/b/a//b/"),
            ("/b", "../x", "/b/../x"), ("/b", "", "/b/"),
        ])
    func joining(base: String, key: String, expected: String) {
        #expect(RequestPath(decoded: base.utf8).appending(key: key.utf8).text == expected)
    }

    @Test("A slash in a bucket is encoded, a slash in a key is not")
    func segments() {
        #expect(RequestPath.empty.appending(segment: "a/b".utf8).appending(key: "c/d".utf8).text == "/a%2Fb/c/d")
    }

    @Test("Percent decoding refuses what is not encoded", arguments: ["%", "%4", "%zz", "a%+1"])
    func undecodable(text: String) {
        #expect(PercentEncoding.decode(text) == nil)
    }

    @Test("All bytes survive encoding and decoding")
    func roundTrip() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(PercentEncoding.decode(PercentEncoding.encode(all)) == all)
        #expect(PercentEncoding.decode(PercentEncoding.encode(all, keepingSlashes: true)) == all)
    }

    @Test("A remembered key belongs to one secret, day, region and service")
    func keyCache() {
        let cache = SigningKeyCache()
        func key(_ secret: String = "s", _ day: String = "20260101", _ region: String = "r", _ service: String = "s3")
            -> [UInt8]
        {
            cache.key(secret: secret, day: day, region: region, service: service).withUnsafeBytes { Array($0) }
        }
        let first = key()
        let others = [key("t"), key("s", "20260102"), key("s", "20260101", "q"), key("s", "20260101", "r", "sts")]
        #expect(Set(others + [first]).count == 5)
        #expect(key() == first)
        #expect(key("t") == others[0])
    }

    @Test("Nothing that describes a signature holds a secret")
    func description() {
        let text = "\(sign(request()))"
        #expect(text.contains("us-east-1/s3"))
        #expect(!text.contains("a-token"))
        #expect(!text.contains("a-secret"))
    }

    @Test("An empty chunk is not sent: it would end the body", arguments: StreamingMode.allCases)
    func emptyChunk(mode: StreamingMode) {
        let signer = SigV4Signer(region: "us-east-1")
        let signature = signer.sign(request(), payload: .streaming(mode), credentials: credentials, date: date)
        var encoder = ChunkedBodyEncoder(mode: mode, following: signature)
        var plain = encoder
        #expect(encoder.chunk(ByteBuffer()).readableBytes == 0)
        #expect(encoder.chunk(ByteBuffer(string: "x")) == plain.chunk(ByteBuffer(string: "x")))
        #expect(encoder.end() == plain.end())
    }

    @Test(
        "The encoded length is the length of what is sent", arguments: StreamingMode.allCases, [0, 1, 15, 16, 17, 4096])
    func encodedLength(mode: StreamingMode, length: Int) {
        let signer = SigV4Signer(region: "us-east-1")
        let signature = signer.sign(request(), payload: .streaming(mode), credentials: credentials, date: date)
        var encoder = ChunkedBodyEncoder(mode: mode, following: signature)
        let trailers = [(name: "x-amz-checksum-crc32c", value: "AAAAAA==")]
        var sent = 0
        for start in stride(from: 0, to: length, by: 16) {
            sent += encoder.chunk(ByteBuffer(repeating: 1, count: min(16, length - start))).readableBytes
        }
        sent += encoder.end(trailers: trailers).readableBytes
        let computed = ChunkedBodyEncoder.encodedLength(
            of: Int64(length), chunkSize: 16, mode: mode, trailers: trailers)
        #expect(computed == Int64(sent))
    }
}
