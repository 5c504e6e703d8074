import ArgumentParser
import Basics
import FileIO
import Holdfast
import HoldfastLogging
import HoldfastService
import Repository

/// The options of the page that shows how watched memories fare.
struct StatusPageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve health, metrics and a status page there, such as 127.0.0.1:8080.", valueName: "address:port"))
    var http: String?
    @Option(
        help: ArgumentHelp(
            """
            A file with the token that readers of the page show; needed for an address that other machines reach. \
            HOLDFAST_HTTP_TOKEN holds the token itself.
            """, valueName: "file"))
    var httpToken: String?

    func validate() throws {
        guard let http else {
            if httpToken != nil { throw ValidationError("--http-token is of no use without --http.") }
            return
        }
        do { _ = try HTTPAddress(http) } catch { throw ValidationError("--http: \(error).") }
    }

    /// The server of the page, if it is asked for.
    /// - Throws: ``UsageError``, `FileError`.
    func server(_ board: HealthBoard, _ sessions: [(id: String, session: Session)], _ console: Console) async throws
        -> StatusServer?
    {
        guard let http else { return nil }
        let options = StatusServer.Options(
            address: try HTTPAddress(http), token: try await token(console), version: Root.version,
            redact: { [redactor = console.redactor] in redactor.redact($0) })
        let repositories = sessions.map { id, session in
            // One of its own, so that readers of the page leave most requests to the saves.
            let location = session.location
            let repository = Repository(
                store: session.store, memory: location.key, repository: location.repository, agent: location.agent.name,
                concurrency: Self.requests, logger: console.logger)
            return (id, repository)
        }
        do throws(StatusServer.Failure) {
            return try StatusServer(options, board: board, repositories: repositories, logger: console.logger)
        } catch {
            throw UsageError(error.description, hint: error.hint)
        }
    }

    /// Requests to the store at once.
    private static let requests = 4

    private func token(_ console: Console) async throws -> AccessToken? {
        let world = console.world
        let (text, origin): (String, String)
        if let path = httpToken {
            let file = try await FileIO.run { try File.open(world.absolute(path), .read).bytes() }
            (text, origin) = (String(decoding: file, as: UTF8.self), "--http-token \(path)")
        } else if let value = world.variable("HOLDFAST_HTTP_TOKEN") {
            (text, origin) = (value, "HOLDFAST_HTTP_TOKEN")
        } else {
            return nil
        }
        console.redactor.register(String(text.trimmingPrefix { $0.isWhitespace }.prefix { !$0.isWhitespace }))
        do throws(AccessToken.Unusable) { return try AccessToken(text) } catch {
            throw UsageError("\(origin): \(error)", hint: "openssl rand -hex 24 makes a good one.")
        }
    }
}
