import NIOCore
import TestSupport
import Testing

@testable import S3Store

@Suite("HTTP for credentials, against the stub server")
struct StubServerTests {
    private static let patience = Duration.seconds(60)

    private func get(
        _ server: StubServer, _ http: AsyncCredentialHTTP = AsyncCredentialHTTP(), timeout: Duration = patience
    ) async throws -> CredentialResponse {
        try await http.send(CredentialRequest(method: "GET", url: server.url + "/x?y=1", timeout: timeout))
    }

    @Test("records requests in order and answers them")
    func answers() async throws {
        try await StubServer.run { request in
            .text("\(request.index): \(request.text)", status: 201, headers: [("X-A", "b")])
        } _: { server in
            for number in 0..<3 {
                let answer = try await AsyncCredentialHTTP().send(
                    CredentialRequest(
                        method: "POST", url: server.url + "/p\(number)?q", headers: [("X-C", "d")],
                        body: Array("body".utf8), timeout: Self.patience))
                #expect(answer.status == 201)
                #expect(String(decoding: answer.body, as: UTF8.self) == "\(number): body")
                #expect(answer.headers.contains { $0 == ("X-A", "b") })
            }
            #expect(server.requests.map(\.path) == ["/p0", "/p1", "/p2"])
            #expect(server.requests.allSatisfy { $0.method == "POST" && $0.query == "q" && $0.header("x-c") == "d" })
            var arrivals = server.arrivals.makeAsyncIterator()
            #expect(await arrivals.next()?.uri == "/p0?q")
        }
    }

    @Test("speaks TLS with a certificate that only those trust who are told to")
    func tls() async throws {
        let certificate = try SelfSignedCertificate()
        try await StubServer.run(certificate: certificate) { _ in
            .text("ok")
        } _: { server in
            let trusting = AsyncCredentialHTTP(tls: certificate.clientConfiguration())
            let answer = try await get(server, trusting)
            #expect(answer.body == Array("ok".utf8))
            await #expect(throws: CredentialHTTPError.self) { try await get(server) }
        }
    }

    @Test("no answer in time is told apart from no connection")
    func silence() async throws {
        var port = 0
        try await StubServer.run { _ in
            .hang
        } _: { server in
            port = server.port
            await #expect(throws: CredentialHTTPError.timedOut) { try await get(server, timeout: .milliseconds(100)) }
        }
        let request = CredentialRequest(method: "GET", url: "http://127.0.0.1:\(port)/", timeout: Self.patience)
        let error = await #expect(throws: CredentialHTTPError.self) { try await AsyncCredentialHTTP().send(request) }
        guard case .unreachable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "an answer that is cut off, endless or no HTTP is an error",
        arguments: [
            StubResponse.closeWithoutAnswer, .reset, .raw("nonsense\r\n\r\n".utf8),
            .truncatedBody(declaredLength: 10, bytes: "12345".utf8),
            .truncatedBody(declaredLength: 10, bytes: "12345".utf8, ending: .reset),
            StubResponse(body: ByteBuffer(repeating: 0, count: AsyncCredentialHTTP.answerLimit + 1)),
        ])
    func brokenAnswers(_ answer: StubResponse) async throws {
        try await StubServer.run { _ in
            answer
        } _: { server in
            let error = await #expect(throws: CredentialHTTPError.self) { try await get(server) }
            guard case .broken? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("an answer that stalls or drips ends with the time limit", arguments: [true, false])
    func slowAnswers(drips: Bool) async throws {
        try await StubServer.run { _ in
            if !drips { return .truncatedBody(declaredLength: 10, bytes: [1, 2], ending: .hang) }
            var answer = StubResponse(body: ByteBuffer(repeating: 0, count: 10_000))
            answer.pieceSize = 1
            answer.pieceDelay = .milliseconds(20)
            return answer
        } _: { server in
            await #expect(throws: CredentialHTTPError.timedOut) { try await get(server, timeout: .seconds(1)) }
        }
    }

    @Test("redirects are not followed")
    func redirect() async throws {
        try await StubServer.run { _ in
            .status(302, headers: [("Location", "/other")])
        } _: { server in
            let answer = try await get(server)
            #expect(answer.status == 302)
            #expect(server.requests.count == 1)
        }
    }

    @Test("an early answer does not wait for the body, and the connection stays in step")
    func earlyAnswer() async throws {
        try await StubServer.run { _ in
            .text("late")
        } early: { request in
            request.uri == "/early" ? .text("early", status: 503) : nil
        } _: { server in
            let body = [UInt8](repeating: 7, count: 100_000)
            for (path, expected) in [("/early", "early"), ("/late", "late")] {
                let answer = try await AsyncCredentialHTTP().send(
                    CredentialRequest(method: "PUT", url: server.url + path, body: body, timeout: Self.patience))
                #expect(String(decoding: answer.body, as: UTF8.self) == expected)
            }
            #expect(server.requests.map(\.bodyLength) == [0, 100_000])
        }
    }

    @Test("cancellation ends a request that hangs")
    func cancellation() async throws {
        try await StubServer.run { _ in
            .hang
        } _: { server in
            let task = Task { try await get(server) }
            var arrivals = server.arrivals.makeAsyncIterator()
            _ = await arrivals.next()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
