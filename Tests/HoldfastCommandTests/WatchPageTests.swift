import Foundation
import Subprocess
import TestSupport
import Testing

@Suite("The status page of a command that watches", .timeLimit(.minutes(5)))
struct WatchPageTests {
    /// A port that is free now.
    private func freePort() async throws -> Int { try await withTakenPort { $0 } }

    private func get(_ path: String, _ port: Int, authorization: String? = nil) async throws -> String {
        let header = authorization.map { "Authorization: \($0)\r\n" } ?? ""
        return try await rawExchange(
            "GET \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(header)Connection: close\r\n\r\n", port: port)
    }

    @Test("It tells of saves as they happen, shows what is in the store, and ends with the command")
    func page() async throws {
        try await Sandbox.run { sandbox in
            let port = try await freePort()
            try sandbox.write("storage/session/p/ses_1.json", #"{"title":"<b>first</b>"}"#)
            let run = try await sandbox.holdfast("watch", "--http", "127.0.0.1:\(port)") { send in
                try await eventually("the page") {
                    (try? await get("/readyz", port))?.hasPrefix("HTTP/1.1 200 ") == true
                }
                try await eventually("the first snapshot") {
                    try await get("/metrics", port)
                        .contains("\nholdfast_snapshots_total{memory=\"local-owner-repo\"} 1\n")
                }
                try sandbox.write("storage/session/p/ses_1.json", #"{"title":"<b>second</b>"}"#)
                try await eventually("the second snapshot on the page") {
                    try await get("/memory/local-owner-repo/files/session/p", port).contains(
                        "&lt;b&gt;second&lt;/b&gt;")
                }
                let overview = try await get("/", port)
                #expect(overview.contains("owner/repo") && overview.contains("Last good save"))
                #expect(try await get("/memory/local-owner-repo/diff", port).contains("1 changed"))
                try send(.terminate)
            }
            #expect(run.code == 0, "\(run.err)")
            await #expect(throws: (any Error).self) { try await get("/healthz", port) }
        }
    }

    @Test("A token is asked for where one is set, and is in no output")
    func token() async throws {
        try await Sandbox.run { sandbox in
            let port = try await freePort()
            let secret = "0123456789abcdef-secret"
            try sandbox.write("token", secret + "\n")
            let run = try await sandbox.holdfast(
                "watch", "-v", "--http", "127.0.0.1:\(port)", "--http-token", "token"
            ) { send in
                try await eventually("the page") {
                    (try? await get("/healthz", port))?.hasPrefix("HTTP/1.1 200 ") == true
                }
                #expect(try await get("/", port).hasPrefix("HTTP/1.1 401 "))
                #expect(try await get("/", port, authorization: "Bearer \(secret)").hasPrefix("HTTP/1.1 200 "))
                try send(.terminate)
            }
            #expect(run.code == 0, "\(run.err)")
            #expect(!run.out.contains(secret) && !run.err.contains(secret))
        }
    }

    @Test(
        "What cannot be served is refused before anything is watched",
        arguments: [
            (["--http", "example.org:80"], "is no address to listen on"),
            (["--http", "8080"], "is no address to listen on"),
            (["--http", "0.0.0.0:0"], "can be reached from other machines, and no token is set"),
            (["--http", "127.0.0.1:0", "--http-token", "weak"], "the token has less than 16 characters"),
            (["--http-token", "weak"], "--http-token is of no use without --http"),
        ])
    func refused(_ arguments: [String], _ reason: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("weak", "weak\n")
            let run = try await sandbox.program(Sandbox.binary, ["watch"] + arguments)
            #expect(run.code == 64)
            #expect(run.err.contains(reason), "\(run.err)")
            #expect(!run.err.contains("Watching"), "\(run.err)")
        }
    }

    @Test("A port that is taken ends the command")
    func taken() async throws {
        try await Sandbox.run { sandbox in
            try await withTakenPort { port in
                let run = try await sandbox.holdfast("watch", "--http", "127.0.0.1:\(port)")
                #expect(run.code == 1)
                #expect(run.err.contains("another program listens there"), "\(run.err)")
            }
        }
    }
}
