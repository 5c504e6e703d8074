import Foundation
import FoundationNetworking
import Glibc
import Subprocess
import TestSupport
import Testing

@Suite("Test servers")
struct TestServerTests {
    @Test("Every server of the run starts and answers", arguments: TestServerKind.selected)
    func answers(kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        #expect(server.kind == kind)
        let (_, response) = try await URLSession.shared.data(from: #require(URL(string: server.url + "/")))
        // Unsigned: a list of buckets from those that check nothing, a refusal (403, from rclone 400) from the others.
        let status = try #require(response as? HTTPURLResponse).statusCode
        #expect([200, 400, 403].contains(status))
    }

    @Test("A server is started once, however many ask for it at once")
    func startedOnce() async throws {
        let kind = TestServerKind.selected[0]
        let urls = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { try await TestServer.shared(kind).url } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(urls.count == 1)
    }

    @Test("The traits in the table are what a server does", arguments: TestServerKind.selected)
    func traits(kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let key = server.identities.full
        let python = Project.folder.appendingPathComponent(".venv/bin/python").path
        let probe = try await run(
            .name("env"),
            arguments: [
                python, Project.folder.appendingPathComponent("scripts/servers/probe.py").path, server.url,
                server.bucket, key.accessKey, key.secretKey, server.prefix("probe"),
            ],
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        try #require(probe.terminationStatus.isSuccess, "\(probe.standardError)")
        let measured = try JSONDecoder().decode(ServerTraits.self, from: Data(probe.standardOutput.utf8))
        #expect(measured == kind.traits)
    }

    @Test("A trait always finds a server to test it with")
    func everyTraitHasAServer() {
        #expect(TestServerKind.selected { $0.checksPayloadHash } == [.juicefs])
        #expect(!TestServerKind.selected { !$0.honoursConditionalPut }.isEmpty)
        #expect(TestServerKind.selected { _ in true } == TestServerKind.selected)
    }

    @Test("The server with users has one for each right that may be missing")
    func identities() async throws {
        let users = try await TestServer.shared(.ministack).identities
        let keys = [users.full, users.noList, users.readOnly, users.prefixOnly, users.none].compactMap { $0?.accessKey }
        #expect(Set(keys).count == 5)
    }

    @Test("A server stops with the process that started it, and leaves nothing behind")
    func stops() async throws {
        let process = try await TestServerProcess.start(.rclone)
        let connection = try Connection(to: process.server)
        #expect(FileManager.default.fileExists(atPath: process.server.directory))
        await process.stop()
        #expect(connection.waitUntilClosed())
        #expect(!FileManager.default.fileExists(atPath: process.server.directory))
    }

    @Test("A server stops even if the script above it is killed")
    func stopsWithItsParent() async throws {
        let process = try await TestServerProcess.start(.rclone)
        let connection = try Connection(to: process.server)
        kill(process.processID, SIGKILL)
        await process.waitUntilStopped()
        #expect(connection.waitUntilClosed())
        try FileManager.default.removeItem(atPath: process.server.directory)
    }
}

/// A TCP connection that says nothing and waits for the other side to end.
private final class Connection {
    private let descriptor: Int32

    init(to server: TestServer) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(try #require(URL(string: server.url)?.port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let connected = withUnsafeBytes(of: &address) { bytes in
            connect(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        try #require(connected == 0, "connect: errno \(errno)")
    }

    deinit { close(descriptor) }

    /// Whether the other side ended within half a minute.
    func waitUntilClosed() -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        return poll(&waiting, 1, 30_000) == 1 && read(descriptor, &byte, 1) <= 0
    }
}
