import Dispatch
import Foundation
import Glibc

/// A server under `scripts/servers/serve.py`, which stops it when its standard input ends: when this object or this
/// process goes, even by SIGKILL.
public final class TestServerProcess: Sendable {
    public let server: TestServer
    /// Of `serve.py`, the server's parent.
    public let processID: pid_t
    private let lifeline: Lifeline

    private init(server: TestServer, processID: pid_t, lifeline: Lifeline) {
        (self.server, self.processID, self.lifeline) = (server, processID, lifeline)
    }

    /// Starts a server of its own, for tests that stop it; others take ``TestServer/shared(_:)``.
    /// - Throws: ``TestServerError``, after a minute at most if the server does not come up.
    public static func start(_ kind: TestServerKind) async throws -> TestServerProcess {
        let script = Project.folder.appendingPathComponent("scripts/servers/serve.py").path
        let (lifeline, processID) = try Lifeline.spawn([try installed(kind), script, kind.rawValue])
        let line = await blocking { lifeline.readLine(within: .seconds(240)) }
        do {
            let server = try JSONDecoder().decode(TestServer.self, from: Data(line))
            return TestServerProcess(server: server, processID: processID, lifeline: lifeline)
        } catch {
            struct Refusal: Decodable { let error: String }
            let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(line))
            throw TestServerError(kind, refusal?.error ?? "it said '\(String(decoding: line, as: UTF8.self))'")
        }
    }

    /// Stops the server as the end of this process would, and waits until it is gone.
    public func stop() async {
        lifeline.endInput()
        await waitUntilStopped()
    }

    /// Waits until `serve.py` has ended.
    public func waitUntilStopped() async {
        let (lifeline, processID) = (lifeline, processID)
        await blocking {
            while !lifeline.readLine(within: .seconds(60)).isEmpty {}
            var status: Int32 = 0
            waitpid(processID, &status, 0)
        }
    }

    /// The path of the Python that runs `serve.py`, once it is certain that the server is installed.
    private static func installed(_ kind: TestServerKind) throws -> String {
        let (folder, command) = kind.environment
        let python = Project.folder.appendingPathComponent(".venv/bin/python").path
        let server = Project.folder.appendingPathComponent("\(folder)/bin/\(kind.program)").path
        for path in [python, server] where !FileManager.default.isExecutableFile(atPath: path) {
            throw TestServerError(kind, "\(path) is missing; run `\(command)`")
        }
        return python
    }
}

/// The folder that holds `Package.swift`.
public enum Project {
    public static let folder = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
}

/// Runs blocking work beside the cooperative pool.
func blocking<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: work()) }
    }
}
