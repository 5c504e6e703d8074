import Foundation
import TestSupport
import Testing

@testable import S3Store

@Suite("Credential vectors")
struct CredentialVectorTests {
    @Test("finds the credentials that botocore finds", arguments: Vectors.load("credentials", kinds: ["credentials"]))
    func chain(_ vector: Vector) async throws {
        let actual = try await CredentialScenario.run(vector.input)
        #expect(
            vector.accepts { CredentialScenario.differences(expected: $0, actual).isEmpty },
            "\(CredentialScenario.differences(expected: vector.expected, actual).joined(separator: "\n"))")
    }

    /// More scenarios, in which botocore itself was run to see what it does.
    ///
    /// Those are left out where Holdfast differs on purpose: it refuses keys that are empty or hold line breaks and URLs
    /// with user names or odd characters, drops white space around variables, takes a blank profile for none, and reads
    /// `AWS_REGION`.
    private static let scenarios: [Vector] = {
        struct File: Decodable { let vectors: [Vector] }
        do {
            let file = Fixtures.folder.appendingPathComponent("credentials-botocore.json")
            return try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).vectors
        } catch {
            fatalError("cannot read the credential scenarios: \(error)")
        }
    }()

    @Test("does as botocore does", arguments: scenarios.filter { $0.kind == "credentials" })
    func scenario(_ vector: Vector) async throws { try await chain(vector) }

    @Test("asks the hosts that botocore asks", arguments: scenarios.filter { $0.kind == "container-host" })
    func scenarioHost(_ vector: Vector) throws { try containerHost(vector) }

    @Test("asks only hosts that may be asked", arguments: Vectors.load("credentials", kinds: ["container-host"]))
    func containerHost(_ vector: Vector) throws {
        let allowed = ContainerEndpoint(try #require(vector.input["uri"].string)).isAllowed
        #expect(vector.accepts { $0["allowed"].bool == allowed })
    }

    @Test("renews in time", arguments: Vectors.load("credentials", kinds: ["refresh"]))
    func refresh(_ vector: Vector) async throws {
        let start = Date(timeIntervalSince1970: 1_700_000_000)
        let left = try #require(vector.input["seconds_left"].number)
        let outcome = try #require(vector.input["refresh_result"].string)
        let calls = Counter()
        let old = credentials("OLD", expiration: start.addingTimeInterval(left))
        let cache = CredentialCache(
            ProvidedCredentials(initial: old) {
                calls.increment()
                switch outcome {
                case "ok": return credentials("NEW", expiration: start.addingTimeInterval(3600))
                case "returns-expired": return credentials("NEW", expiration: start.addingTimeInterval(-1))
                default: throw CredentialError(.unreachable, "down")
                }
            }, context: CredentialContext(environment: [:], now: { start }))
        var uses = "error"
        if let used = try? await cache.current() { uses = used.accessKeyID == "OLD" ? "old" : "new" }
        #expect(vector.accepts { $0["refresh_called"].bool == (calls.value > 0) && $0["uses"].string == uses })
    }
}
