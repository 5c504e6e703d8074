import Foundation
import TestSupport

/// Plays scenarios.
package enum Model {
    /// What one scenario came to.
    package struct Outcome: Sendable {
        package let scenario: Scenario
        /// The violation of no known fault that ended it.
        package var violation: Violation?
        /// The number of the step at which it did.
        package var step = 0
        /// Something else went wrong: a server that did not start, a full disk.
        package var trouble: String?
        /// Known faults that showed themselves, with how often and what the first one broke.
        package var faults: [String: (count: Int, first: Violation)] = [:]

        package var passed: Bool { violation == nil && trouble == nil }
    }

    /// Plays one scenario in a folder of its own.
    package static func play(_ scenario: Scenario, _ options: PlayOptions) async -> Outcome {
        var outcome = Outcome(scenario: scenario)
        do {
            try await withTemporaryDirectory("model", inMemory: true) { folder in
                try await withStore(scenario.place, in: folder) { place in
                    let player = Player(scenario, options, in: folder, at: place)
                    do { try await player.play() } catch let violation as Violation { outcome.violation = violation }
                    outcome.step = player.step
                    for hit in player.hits {
                        outcome.faults[hit.fault, default: (0, hit.violation)].count += 1
                    }
                }
            }
        } catch {
            outcome.trouble = "\(error)"
        }
        return outcome
    }

    private static func withStore(
        _ kind: Scenario.Place, in folder: URL, _ body: (StorePlace) async throws -> Void
    ) async throws {
        guard kind != .file else { return try await body(.embedded(in: folder.appendingPathComponent("store"))) }
        let server = try await TestServer.shared(kind == .s3 ? .ministack : .rclone)
        guard let port = URL(string: server.url)?.port else {
            throw NeverHappened(description: "no port in \(server.url)")
        }
        let prefix = server.prefix("model")
        let direct = [
            "HOLDFAST_STORE": "s3://\(server.bucket)", "HOLDFAST_PREFIX": prefix,
            "AWS_ENDPOINT_URL": server.url, "AWS_REGION": server.region,
            "AWS_ACCESS_KEY_ID": server.identities.full.accessKey,
            "AWS_SECRET_ACCESS_KEY": server.identities.full.secretKey, "HOLDFAST_ALLOW_INSECURE_ENDPOINT": "true",
        ]
        try await RefusingProxy(before: port).run { url, refuse in
            var settings = direct
            settings["AWS_ENDPOINT_URL"] = url
            settings["AWS_MAX_ATTEMPTS"] = "2"
            try await body(
                StorePlace(
                    objects: BucketObjects(server: server, prefix: prefix), settings: settings, direct: direct,
                    refuse: refuse))
        }
    }
}
