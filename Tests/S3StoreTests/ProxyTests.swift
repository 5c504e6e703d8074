import Foundation
import HTTPProxies
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Stores behind a proxy")
struct ProxyTests {
    /// Opens a bucket at `https://store.test`, a name that only the proxy knows.
    private func run(
        _ answer: @escaping @Sendable (TunnelProxy.Asked) -> String = { _ in "200 Tunnel" }, user: String = "",
        attempts: Int = 2, _ body: (StubbedStore, TunnelProxy) async throws -> Void
    ) async throws {
        let certificate = try SelfSignedCertificate()
        try await withTemporaryDirectory { directory in
            let authorities = directory.path + "/ca.pem"
            try certificate.pem.write(toFile: authorities, atomically: true, encoding: .utf8)
            try await StubServer.run(certificate: certificate, handler: { .wellBehaved($0) }) { server in
                try await TunnelProxy.run(to: server.port, answer: answer) { proxy in
                    let variables = ["HTTPS_PROXY": "http://\(user)127.0.0.1:\(proxy.port)"]
                    try await StubbedStore.run(
                        { .wellBehaved($0) },
                        configure: {
                            $0.endpoint = S3EndpointOptions(region: "us-east-1", endpoint: "https://store.test")
                            ($0.trustRoots, $0.attempts) = (authorities, attempts)
                            $0.proxies = ProxyRules(environment: variables)
                        }
                    ) { stub in
                        try await body(
                            StubbedStore(store: stub.store, server: server, waits: stub.waits, logs: stub.logs), proxy)
                    }
                }
            }
        }
    }

    @Test("Requests go through a tunnel, in which TLS is spoken with the store itself")
    func tunnel() async throws {
        try await run { stub, proxy in
            try await stub.write()
            _ = try await stub.store.contact()
            #expect(proxy.asked.map(\.target) == ["store.test:443"])
            #expect(proxy.asked.first?.headers.lowercased().contains("authorization") == false)
            #expect(stub.server.requests.map(\.method) == ["PUT", "HEAD"])
            #expect(stub.server.requests.allSatisfy { $0.header("host") == "store.test" })
            #expect(stub.server.requests.allSatisfy { $0.header("proxy-authorization") == nil })
            #expect(try await stub.store.contact().proxy?.port == proxy.port)
        }
    }

    @Test("The proxy is told who asks, and the store is not")
    func user() async throws {
        let known: @Sendable (TunnelProxy.Asked) -> String = {
            $0.headers.contains("Basic dXNlcjpzM2NyM3Q=") ? "200 OK" : "407 Proxy Authentication Required"
        }
        try await run(known, user: "user:s3cr3t@") { stub, _ in
            try await stub.write()
            #expect(stub.server.requests.first?.header("proxy-authorization") == nil)
        }
        try await run(known, user: "user:other-s3cr3t@") { stub, proxy in
            let error = await failure { try await stub.write() }
            #expect(error?.kind == .unreachable)
            #expect(error?.reason.contains("through the proxy \(proxy.url): the proxy wants another user name") == true)
            #expect(error?.hint?.contains("HTTPS_PROXY") == true)
            #expect(error.map { "\($0) \(stub.logs.text)".contains("s3cr3t") } == false)
            // Another attempt would be refused as well.
            #expect(proxy.asked.count == 1)
            #expect(stub.server.requests.isEmpty)
        }
    }

    @Test(
        "A proxy that opens no tunnel is asked again, and then named", arguments: ["403 Forbidden", "502 Bad Gateway"])
    func noTunnel(_ answer: String) async throws {
        let asked = Ordinals()
        try await run({ _ in asked.next() == 1 ? answer : "200 OK" }) { stub, _ in
            try await stub.write()
            #expect(stub.waits.recorded.count == 1)
        }
        try await run({ _ in answer }, attempts: 3) { stub, proxy in
            let error = await failure { try await stub.write() }
            #expect(error?.kind == .unreachable)
            #expect(error?.attempts == 3)
            #expect(error?.reason.contains("through the proxy \(proxy.url): the proxy opened no tunnel") == true)
            #expect(error?.hint?.contains("NO_PROXY") == true)
        }
    }

    @Test("A variable that names no proxy is refused before anything is sent, if it counts")
    func unusable() async throws {
        let rules = ProxyRules(environment: ["HTTPS_PROXY": "socks5://proxy.test", "HTTP_PROXY": "socks5://proxy.test"])
        let error = await failure {
            try await StubbedStore.run(
                { .wellBehaved($0) },
                configure: {
                    $0.endpoint = S3EndpointOptions(region: "us-east-1", endpoint: "https://store.test")
                    $0.proxies = rules
                }
            ) { _ in }
        }
        #expect(error?.kind == .invalid)
        #expect(error?.reason.contains("HTTPS_PROXY") == true)
        // A store on this machine is behind no proxy.
        try await StubbedStore.run({ .wellBehaved($0) }, configure: { $0.proxies = rules }) { stub in
            try await stub.write()
            #expect(stub.server.requests.count == 1)
        }
    }

    @Test("Token services are asked through the proxy by TLS only")
    func credentials() async throws {
        let certificate = try SelfSignedCertificate()
        try await StubServer.run(certificate: certificate, handler: { _ in .text("ok") }) { server in
            try await TunnelProxy.run(to: server.port) { proxy in
                let rules = ProxyRules(environment: ["HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url])
                let http = AsyncCredentialHTTP(tls: certificate.clientConfiguration(), proxies: rules)
                let answer = try await http.send(
                    CredentialRequest(method: "GET", url: "https://store.test/", timeout: .seconds(30)))
                #expect(answer.body == Array("ok".utf8))
                #expect(proxy.asked.map(\.target) == ["store.test:443"])
                // Without TLS the name is looked for by this machine. It is too long to be one, so nobody is asked.
                let nowhere = String(repeating: "n", count: 64)
                await #expect(throws: CredentialHTTPError.self) {
                    try await http.send(
                        CredentialRequest(method: "GET", url: "http://\(nowhere)/", timeout: .seconds(30)))
                }
                #expect(proxy.asked.count == 1)
            }
        }
    }

    @Test("The search for credentials takes its proxies from the environment")
    func context() async throws {
        try await TunnelProxy.run(to: 1, answer: { _ in "407 Proxy Authentication Required" }) { proxy in
            let context = CredentialContext(environment: ["HTTPS_PROXY": proxy.url])
            let error = await #expect(throws: CredentialHTTPError.self) {
                try await context.http.send(
                    CredentialRequest(method: "GET", url: "https://sts.test/", timeout: .seconds(30)))
            }
            #expect(error?.description.contains("the proxy wants another user name") == true)
            #expect(proxy.asked.map(\.target) == ["sts.test:443"])
        }
    }
}

extension StubbedStore {
    /// Writes a small object.
    fileprivate func write() async throws {
        try await store.put(ObjectKey("a"), .bytes(ByteBuffer(string: "content")), .overwrite)
    }
}
