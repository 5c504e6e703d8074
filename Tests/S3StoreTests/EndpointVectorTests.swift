import Foundation
import TestSupport
import Testing

@testable import S3Store

@Suite("Endpoints against the conformance vectors")
struct EndpointVectorTests {
    @Test("The endpoint of a bucket is the one of the AWS SDKs", arguments: Self.endpointVectors)
    func endpoint(vector: Vector) {
        check(vector) { $0.url }
    }

    private static let endpointVectors =
        Vectors.load("endpoints", kinds: ["endpoint"])
        + (Vectors.exists("endpoints_upstream") ? Vectors.load("endpoints_upstream", kinds: ["endpoint"]) : [])

    @Test(
        "The URL of a request is the one of the AWS SDKs", arguments: Vectors.load("endpoints", kinds: ["request-url"]))
    func requestURL(vector: Vector) {
        check(vector) { $0.request(method: "GET", key: vector.input["key"].string).url }
    }

    private func check(_ vector: Vector, url: (ResolvedEndpoint) -> String) {
        let input = vector.input
        func isSet(_ name: String) -> Bool { input[name].bool ?? false }
        let options = S3EndpointOptions(
            region: input["region"].string,
            endpoint: input["endpoint"].string,
            addressing: isSet("force_path_style") ? .path : .virtual,
            useDualStack: isSet("dualstack"),
            useFIPS: isSet("fips"),
            useAccelerate: isSet("accelerate"),
            useGlobalEndpoint: isSet("use_global_endpoint"),
            allowInsecureEndpoint: true)
        do throws(EndpointError) {
            let endpoint = try EndpointResolver(options).resolve(bucket: input["bucket"].string)
            let actual = url(endpoint)
            let passes = vector.accepts { expected in
                normalised(actual, of: vector) == normalised(expected["url"].string ?? "", of: vector)
                    && (expected["signing_region"].string ?? endpoint.signingRegion) == endpoint.signingRegion
                    && (expected["signing_name"].string ?? endpoint.signingName) == endpoint.signingName
            }
            #expect(passes, "\(actual) \(endpoint.signingRegion) \(endpoint.signingName), expected \(vector.expected)")
        } catch {
            #expect(vector.accepts { !$0["error"].isNull }, "\(error), expected \(vector.expected)")
            #expect(!error.message.isEmpty)
        }
    }

    /// Scheme and host in lower case; a base URL may end with a slash or not.
    private func normalised(_ url: String, of vector: Vector) -> [UInt8] {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        var text = parts.prefix(3).joined(separator: "/").lowercased() + "/" + (parts.count > 3 ? parts[3] : "")
        if vector.kind == "endpoint" { while text.hasSuffix("/") { text.removeLast() } }
        return Array(text.utf8)
    }
}
