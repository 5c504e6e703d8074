import Basics
import Foundation
import Glibc
import TestSupport
import Testing

@testable import HoldfastService

/// A socket as systemd has it.
private struct NotifySocket: ~Copyable {
    let descriptor: Int32

    /// - Parameter name: a path, or an abstract address after `@`.
    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = name.hasPrefix("@") ? [0] + name.utf8.dropFirst() : Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (name.hasPrefix("@") ? 0 : 1))
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(code == 0)
    }

    deinit { close(descriptor) }

    func receive() -> String {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, 10_000) > 0 else { return "nothing came" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite("What systemd is told")
struct SystemdTests {
    @Test("Messages arrive at a socket with a path, and at an abstract one", arguments: [true, false])
    func sends(isAbstract: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let name = isAbstract ? "@holdfast-\(UUID().uuidString)" : "\(folder.path)/notify"
            let server = try NotifySocket(name)
            let notifier = try #require(SystemdNotifier(environment: ["NOTIFY_SOCKET": name]))
            #expect(notifier.send(.ready, .status("one\ntwo")))
            #expect(server.receive() == "READY=1\nSTATUS=onetwo")
            #expect(notifier.send(.alive))
            #expect(server.receive() == "WATCHDOG=1")
            #expect(notifier.send(.stopping))
            #expect(server.receive() == "STOPPING=1")
        }
    }

    @Test(
        "Without a usable socket, nobody is told",
        arguments: [
            [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "vsock:2:1"],
            ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)],
        ])
    func nobody(_ environment: [String: String]) {
        #expect(SystemdNotifier(environment: environment) == nil)
    }

    @Test("A socket that is gone is no error")
    func gone() throws {
        let notifier = try #require(SystemdNotifier(environment: ["NOTIFY_SOCKET": "/nonexistent/notify"]))
        #expect(!notifier.send(.ready))
    }

    @Test(
        "The watchdog is for the process that it names",
        arguments: [
            (["WATCHDOG_USEC": "2000000"], Duration.seconds(2)),
            (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"], .seconds(2)),
            (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"], nil), (["WATCHDOG_USEC": "x"], nil), ([:], nil),
        ] as [([String: String], Duration?)])
    func watchdog(_ environment: [String: String], expected: Duration?) throws {
        let all = environment.merging(["NOTIFY_SOCKET": "/run/notify"]) { $1 }
        #expect(try #require(SystemdNotifier(environment: all, processID: 7)).watchdog == expected)
    }

    @Test("The status says how many memories are watched, and what is not saved")
    func words() {
        var one = MemoryHealth(id: "a", repository: "o/a", agent: "discord", location: "l", storage: "s")
        one.snapshotsSaved = 1
        #expect(SystemdService.words([one]) == "1 memory watched, 1 snapshot saved")
        var two = one
        two.state = .retrying
        two.add(MemoryHealth.Failure(time: Date(), code: .unreachable, message: "nobody answers"))
        #expect(SystemdService.words([one, two]) == "2 memories, 1 not saved: nobody answers")
    }
}
