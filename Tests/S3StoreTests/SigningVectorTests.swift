import Crypto
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import S3Store

/// The request and credentials of a signing vector.
struct SigningInput {
    let request: SignableRequest
    let credentials: Credentials
    let signer: SigV4Signer
    let date: Date
    let payload: PayloadHash
    let mode: StreamingMode?
    let body: [UInt8]

    init(_ input: JSONValue) throws {
        request = SignableRequest(
            method: try #require(input["method"].string),
            scheme: try #require(input["scheme"].string),
            authority: try #require(input["host"].string),
            path: RequestPath(decoded: try #require(input["path"].string).utf8),
            query: input["query"].pairs,
            headers: input["headers"].pairs.map { ($0.name, $0.value ?? "") })
        credentials = Credentials(
            accessKeyID: try #require(input["access_key"].string),
            secretAccessKey: try #require(input["secret_key"].string),
            sessionToken: input["session_token"].string)
        signer = SigV4Signer(
            region: try #require(input["region"].string), service: try #require(input["service"].string))
        let timestamp = try #require(input["timestamp"].string)
        date = try #require(Timestamp.iso8601(timestamp))
        body = bytes(of: input["body"])
        let name = input["payload_mode"].string ?? "UNSIGNED-PAYLOAD"
        mode = StreamingMode(rawValue: name)
        switch name {
        case "SIGNED": payload = .of(body)
        case "UNSIGNED-PAYLOAD": payload = .unsigned
        default: payload = .streaming(try #require(mode))
        }
    }

    func sign() -> SigV4Signature {
        signer.sign(request, payload: payload, credentials: credentials, date: date)
    }
}

/// Compares bytes: `String ==` would take composed and decomposed characters for the same.
func expectSame(_ actual: String?, _ expected: JSONValue, _ what: Comment, at place: SourceLocation = #_sourceLocation)
{
    expectSame(actual.map { Array($0.utf8) }, expected, what, at: place)
}

func expectSame(
    _ actual: [UInt8]?, _ expected: JSONValue, _ what: Comment, at place: SourceLocation = #_sourceLocation
) {
    let wanted = expected.string.map { Array($0.utf8) }
    let shown = actual.map { String(decoding: $0, as: UTF8.self) }
    #expect(
        actual == wanted, "\(what): \(shown ?? "nil")\nexpected: \(expected.string ?? "nil")", sourceLocation: place)
}

@Suite("Signature V4 against the conformance vectors")
struct SigningVectorTests {
    @Test("A request is signed as AWS does", arguments: Vectors.load("sigv4", kinds: ["sigv4-header", "sigv4-stream"]))
    func header(vector: Vector) throws {
        let input = try SigningInput(vector.input)
        let signature = input.sign()
        func header(_ name: String) -> String? { signature.headers.first { $0.name == name }?.value }

        expectSame(input.request.url, vector.input["url"], "URL")
        expectSame(signature.canonicalRequest, vector.expected["canonical_request"], "canonical request")
        expectSame(signature.stringToSign, vector.expected["string_to_sign"], "string to sign")
        expectSame(signature.signedHeaders, vector.expected["signed_headers"], "signed headers")
        expectSame(signature.value, vector.expected["signature"], "signature")
        expectSame(header("authorization"), vector.expected["authorization"], "authorization")
        expectSame(header("x-amz-content-sha256"), vector.expected["content_sha256"], "content hash")
        expectSame(header("x-amz-date"), vector.input["timestamp"], "date")
        expectSame(header("x-amz-security-token"), vector.input["session_token"], "session token")
        let hasHost = input.request.headers.contains { $0.name.lowercased() == "host" }
        #expect((header("host") == nil) == hasHost)
    }

    @Test(
        "A streamed body is chunked and signed as AWS does", arguments: Vectors.load("sigv4", kinds: ["sigv4-stream"]))
    func stream(vector: Vector) throws {
        let input = try SigningInput(vector.input)
        let mode = try #require(input.mode)
        let size = try #require(vector.input["chunk_size"].int)
        let trailers = vector.input["trailers"].pairs.map { (name: $0.name, value: $0.value ?? "") }
        var encoder = ChunkedBodyEncoder(mode: mode, following: input.sign())
        var wire = ByteBuffer()
        var signatures: [JSONValue] = []
        var stringsToSign: [JSONValue] = []

        for start in stride(from: 0, to: input.body.count, by: size) {
            var chunk = encoder.chunk(ByteBuffer(bytes: input.body[start..<min(start + size, input.body.count)]))
            wire.writeBuffer(&chunk)
            signatures.append(.string(encoder.lastSignature))
            stringsToSign.append(.string(String(decoding: encoder.lastStringToSign, as: UTF8.self)))
        }
        var end = encoder.end(trailers: trailers)
        if mode != .unsignedWithTrailer {
            // The signature of the zero chunk is not the last one where a trailer follows.
            let line = String(buffer: end).split(separator: "\r\n")[0]
            signatures.append(.string(String(try #require(line.split(separator: "=").last))))
            let expected = try #require(vector.expected["chunk_signatures"].array)
            #expect(signatures == expected)
            let strings = try #require(vector.expected["chunk_strings_to_sign"].array)
            #expect(stringsToSign == strings.dropLast())
        }
        if mode == .signedWithTrailer {
            expectSame(encoder.lastSignature, vector.expected["trailer_signature"], "trailer signature")
            expectSame(encoder.lastStringToSign, vector.expected["trailer_string_to_sign"], "trailer string to sign")
        } else if mode == .signed {
            expectSame(
                encoder.lastStringToSign, try #require(vector.expected["chunk_strings_to_sign"].array?.last),
                "last chunk")
        }
        wire.writeBuffer(&end)
        let body = Array(wire.readableBytesView)
        #expect(body.count == vector.expected["wire_length"].int)
        let hash = SHA256.hash(data: body).map { String(format: "%02x", $0) }.joined()
        expectSame(hash, vector.expected["wire_sha256"], "wire hash")
        if !vector.expected["wire_body_base64"].isNull {
            expectSame(Data(body).base64EncodedString(), vector.expected["wire_body_base64"], "wire body")
        }
        let length = ChunkedBodyEncoder.encodedLength(
            of: Int64(input.body.count), chunkSize: size, mode: mode, trailers: trailers)
        #expect(length == Int64(body.count))
    }
}
