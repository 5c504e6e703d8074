import ServiceLifecycle
import TestSupport
import Testing

@testable import HoldfastService

@Suite("The server of the status page")
struct StatusServerTests {
    private func server(
        _ fixture: StatusFixture, address: String = "127.0.0.1:0", token: AccessToken? = nil,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> StatusServer {
        try StatusServer(
            StatusServer.Options(address: try HTTPAddress(address), token: token, version: "0.1.0"),
            board: fixture.board, repositories: [("website", fixture.repository)], logger: StatusFixture.silent,
            onListening: onListening)
    }

    @Test(
        "refuses an address that others reach, unless a token is set",
        arguments: ["0.0.0.0:0", "[::]:0", "10.0.0.1:80"])
    func publicAddress(_ address: String) throws {
        let fixture = StatusFixture()
        let error = #expect(throws: StatusServer.Failure.self) { try server(fixture, address: address) }
        #expect(error?.isUsage == true)
        #expect(error?.description.contains("can be reached from other machines, and no token is set") == true)
        _ = try server(fixture, address: address, token: try AccessToken("correct-horse-battery-staple"))
    }

    /// Serves for as long as the body runs, then stops as a signal would make it.
    /// - Parameter body: gets the port, and what stops the server before its end.
    private func serving(
        _ fixture: StatusFixture,
        _ body: @Sendable (Int, _ stop: @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = try server(fixture) { port.yield($0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [server], logger: StatusFixture.silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                try await body(port) { await group.triggerGracefulShutdown() }
                break
            }
            await group.triggerGracefulShutdown()
            // A server that does not stop keeps the test from ending.
            try await tasks.waitForAll()
        }
    }

    @Test("serves on a port of its own and stops gracefully, also with an open connection")
    func stops() async throws {
        let fixture = StatusFixture()
        try await serving(fixture) { port, stop in
            // Nothing asks for the end of the connection: it comes when the server stops.
            let answer = try await rawExchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", port: port) {
                received in
                if received.hasSuffix("ok\n") { await stop() }
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test("says that the port is taken")
    func taken() async throws {
        try await withTakenPort { port in
            let server = try server(StatusFixture(), address: "127.0.0.1:\(port)")
            let error = await #expect(throws: StatusServer.Failure.self) { try await server.run() }
            #expect(error?.isUsage == false)
            #expect(
                error?.description
                    == "the status page cannot be served at 127.0.0.1:\(port): another program listens there")
        }
    }

    @Test(
        "answers only requests that name this machine",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: evil.example", 421), ("GET / HTTP/1.1\r\nHost: localhost.evil.example:80", 421),
            ("GET /metrics HTTP/1.1\r\nHost: 192.168.0.1", 421), ("GET / HTTP/1.0", 421),
            ("GET /healthz HTTP/1.1\r\nHost: localhost:1234", 200), ("GET /healthz HTTP/1.1\r\nHost: [::1]:1", 200),
            ("GET /healthz HTTP/1.0\r\nHost: 127.0.0.1", 200),
            ("GET http://localhost/ HTTP/1.1\r\nHost: evil.example", 421),
            ("POST /healthz HTTP/1.1\r\nHost: localhost", 405),
            ("GET /memory/%00/files HTTP/1.1\r\nHost: localhost", 404),
        ])
    func hosts(_ head: String, _ status: Int) async throws {
        let fixture = StatusFixture()
        try await serving(fixture) { port, _ in
            let answer = try await rawExchange("\(head)\r\nConnection: close\r\n\r\n", port: port)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) ") || answer.hasPrefix("HTTP/1.0 \(status) "), "\(answer)")
            #expect(!answer.contains("octo-org") || status == 200)
        }
    }
}
