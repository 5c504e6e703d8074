import Foundation
import TestSupport
import Testing

@Suite("The command behind a proxy")
struct ProxyTests {
    @Test("A memory goes there and back through the proxy", arguments: TestServerKind.selected)
    func roundTrip(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let port = try #require(URL(string: server.url)?.port)
        try await Sandbox.run { sandbox in
            try await TunnelProxy.run(to: port) { proxy in
                var sandbox = sandbox.using(server)
                // A name that only the proxy knows.
                sandbox.environment["AWS_ENDPOINT_URL"] = "http://store.test:\(port)"
                sandbox.environment["HOLDFAST_ADDRESSING"] = "path"
                sandbox.environment["HTTP_PROXY"] = proxy.url
                try sandbox.write("storage/session/a", "a")
                let original = try sandbox.tree("storage")
                let push = try await sandbox.holdfast("push")
                #expect(push.code == 0, "\(push.err)")
                try sandbox.remove("storage")
                let pull = try await sandbox.holdfast("pull")
                #expect(pull.code == 0, "\(pull.err)")
                #expect(try sandbox.tree("storage") == original)
                #expect(Set(proxy.asked.map(\.target)) == ["store.test:\(port)"])

                let config = try await sandbox.holdfast("config")
                #expect(config.out.contains("\(proxy.url)  (HTTP_PROXY)"), "\(config.out)")
                let doctor = try await sandbox.holdfast("doctor")
                #expect(doctor.out.contains("answers through the proxy \(proxy.url) (HTTP_PROXY)"), "\(doctor.out)")
            }
        }
    }

    @Test("A proxy that refuses is named, and its password is not")
    func refused() async throws {
        try await Sandbox.run { sandbox in
            try await TunnelProxy.run(to: 1, answer: { _ in "407 Proxy Authentication Required" }) { proxy in
                let sandbox = try await withKeys(sandbox)
                let variables: [String: String?] = [
                    "AWS_ENDPOINT_URL": "https://store.test",
                    "HTTPS_PROXY": "http://us:pr0xy-s3cr3t@127.0.0.1:\(proxy.port)",
                ]
                for arguments in [["pull"], ["pull", "--json"], ["doctor"], ["pull", "--verbose"], ["config"]] {
                    let run = try await sandbox.program(Sandbox.binary, arguments, with: variables)
                    #expect(run.code == (arguments == ["config"] ? 0 : arguments == ["doctor"] ? 2 : 1))
                    #expect((run.out + run.err).contains("http://127.0.0.1:\(proxy.port)"), "\(run.out) \(run.err)")
                    #expect(!(run.out + run.err).contains("s3cr3t"), "\(run.out) \(run.err)")
                }
                let pull = try await sandbox.program(Sandbox.binary, ["pull"], with: variables)
                #expect(pull.err.contains("Write them into HTTPS_PROXY"))
            }
        }
    }

    @Test("A variable that names no proxy is wrong usage, and shown by config")
    func unusable() async throws {
        try await Sandbox.run { sandbox in
            let sandbox = try await withKeys(sandbox)
            let variables: [String: String?] = [
                "AWS_ENDPOINT_URL": "https://store.test", "HTTPS_PROXY": "socks5://us:pr0xy-s3cr3t@proxy.test",
            ]
            let pull = try await sandbox.program(Sandbox.binary, ["pull"], with: variables)
            #expect(pull.code == 64)
            #expect(pull.err.contains("HTTPS_PROXY names a proxy of a kind that cannot be used"))
            #expect(pull.err.contains("hint: Write http://HOST:PORT"))
            let config = try await sandbox.program(Sandbox.binary, ["config"], with: variables)
            #expect(config.out.contains("HTTPS_PROXY names a proxy of a kind that cannot be used"))
            #expect(!(pull.err + config.out).contains("s3cr3t"))
            // A directory is behind no proxy.
            let store = "file://\(sandbox.path("store"))"
            #expect(try await sandbox.program(Sandbox.binary, ["status", "--store", store], with: variables).code == 0)
        }
    }

    /// The sandbox with keys for a store that is never reached.
    private func withKeys(_ sandbox: Sandbox) async throws -> Sandbox {
        try await StubServer.run(handler: { _ in .status(404) }) { server in try sandbox.using(server) }
    }
}
