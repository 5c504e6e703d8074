import Foundation

/// act's own Actions cache server (v1), which runs until this object or this process goes; `scripts/servers/act.py`
/// holds how.
public final class ActServer: Sendable {
    /// Ends with a slash; its path is the secret that lets clients in.
    public let url: String
    /// The ref of act's run.
    public let ref: String
    private let lifeline: Lifeline
    private let processID: pid_t

    private init(url: String, ref: String, lifeline: Lifeline, processID: pid_t) {
        (self.url, self.ref, self.lifeline, self.processID) = (url, ref, lifeline, processID)
    }

    /// Runs a server for as long as `body` runs.
    /// - Throws: ``ActServerError``, also when act is not installed: never a reason to skip a test.
    public static func run<Result>(_ body: (ActServer) async throws -> Result) async throws -> Result {
        let server = try await start()
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    private static func start() async throws -> ActServer {
        let python = Project.folder.appendingPathComponent(".venv/bin/python").path
        let act = Project.folder.appendingPathComponent(".venv/bin/act").path
        for path in [python, act] where !FileManager.default.isExecutableFile(atPath: path) {
            throw ActServerError(description: "\(path) is missing; run `make setup`")
        }
        let script = Project.folder.appendingPathComponent("scripts/servers/act.py").path
        let (lifeline, processID) = try Lifeline.spawn([python, script])
        let line = await blocking { lifeline.readLine(within: .seconds(90)) }
        struct Answer: Decodable {
            let url, ref, error: String?
        }
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(line))
        guard let url = answer?.url, let ref = answer?.ref else {
            throw ActServerError(description: answer?.error ?? "act.py said '\(String(decoding: line, as: UTF8.self))'")
        }
        return ActServer(url: url, ref: ref, lifeline: lifeline, processID: processID)
    }

    private func stop() async {
        let (lifeline, processID) = (lifeline, processID)
        lifeline.endInput()
        await blocking {
            while !lifeline.readLine(within: .seconds(60)).isEmpty {}
            var status: Int32 = 0
            waitpid(processID, &status, 0)
        }
    }
}

/// Why act's server cannot be used.
public struct ActServerError: Error, CustomStringConvertible {
    public let description: String
}
