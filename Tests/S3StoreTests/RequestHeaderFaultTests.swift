import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Headers of the S3 client's requests")
struct RequestHeaderFaultTests {
    /// Every operation of a store, once.
    private func everything(_ configure: (inout S3Configuration) -> Void) async throws -> [StubRequest] {
        try await StubbedStore.run({ .wellBehaved($0) }, configure: configure) { stub in
            let store = stub.store
            try await store.write("small", "x")
            try await store.put(
                ObjectKey("large"), .bytes(ByteBuffer(repeating: 1, count: Int(S3Multipart.smallestPart) + 1)),
                .createOnly)
            _ = try await store.text("small")
            _ = try await store.head(ObjectKey("small"))
            _ = try await store.keys("p/")
            _ = try await store.delete([ObjectKey("a"), ObjectKey("control\u{1}")])
            let requests = stub.server.requests
            #expect(requests.count == 10)
            return requests
        }
    }

    @Test("The expected owner of the bucket is sent with every request, and signed")
    func owner() async throws {
        for request in try await everything({ $0.expectedBucketOwner = "123456789012" }) {
            #expect(request.header("x-amz-expected-bucket-owner") == "123456789012", "\(request.method) \(request.uri)")
            #expect(request.header("authorization")?.contains("x-amz-expected-bucket-owner") == true)
        }
    }

    @Test(
        "Encryption is asked for where an object is begun, and only there",
        arguments: [
            S3Configuration.ServerSideEncryption.aes256, .kms(keyID: "key-1"), .kms(keyID: nil), .bucketDefault,
        ])
    func encryption(_ encryption: S3Configuration.ServerSideEncryption) async throws {
        for request in try await everything({ $0.encryption = encryption }) {
            let begins = (request.method == "PUT" && !request.isPart) || request.query.hasPrefix("uploads")
            let algorithm: String? =
                switch encryption {
                case .bucketDefault: nil
                case .aes256: "AES256"
                case .kms: "aws:kms"
                }
            #expect(request.header("x-amz-server-side-encryption") == (begins ? algorithm : nil), "\(request.uri)")
            let key = begins && encryption == .kms(keyID: "key-1") ? "key-1" : nil
            #expect(request.header("x-amz-server-side-encryption-aws-kms-key-id") == key)
        }
    }

    @Test("Nothing that proxies change is sent or signed")
    func proxies() async throws {
        for request in try await everything({ _ in }) {
            for name in ["expect", "accept-encoding", "transfer-encoding", "content-encoding"] {
                #expect(request.header(name) == nil, "\(name) in \(request.method) \(request.uri)")
            }
            let signed = request.header("authorization")?.split(separator: ",").first { $0.contains("SignedHeaders=") }
            let names = try #require(signed?.split(separator: "=").last).split(separator: ";").map(String.init)
            #expect(names.contains("host") && names.contains("x-amz-content-sha256"))
            #expect(!names.contains("user-agent") && !names.contains("connection") && !names.contains("content-length"))
            #expect(request.header("host") == request.headers.filter { $0.name.lowercased() == "host" }.last?.value)
            #expect(request.headers.count { $0.name.lowercased() == "host" } == 1)
        }
    }

    @Test("Content-MD5 comes with what is written, and with DeleteObjects always", arguments: [false, true])
    func checksums(_ sha256: Bool) async throws {
        for request in try await everything({ $0.checksum = sha256 ? .sha256 : .md5 }) {
            switch (request.method, request.query) {
            case ("PUT", ""):
                #expect((request.header("x-amz-checksum-sha256") != nil) == sha256)
                #expect((request.header("content-md5") != nil) == !sha256)
            case ("PUT", _), ("POST", "delete="), ("POST", "delete"):
                #expect(request.header("content-md5") == base64(MD5Digest.of(request.body)))
            case ("GET", ""): #expect(request.header("x-amz-checksum-mode") == (sha256 ? "ENABLED" : nil))
            default: break
            }
            if request.method == "PUT" { #expect(request.header("content-length") == "\(request.bodyLength)") }
        }
    }
}
