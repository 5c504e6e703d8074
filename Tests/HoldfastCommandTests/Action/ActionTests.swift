import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport
import Testing

@Suite("The phases of the action")
struct ActionTests {
    /// Runs a test with an action in front of a memory of its own in a real server.
    private func withStore(_ body: (ActionSandbox) async throws -> Void) async throws {
        let server = try await TestServer.shared(.ministack)
        try await Sandbox.run { try await body(ActionSandbox.store(server, $0)) }
    }

    @Test("Outputs, state and both summaries say what was done")
    func numbers() async throws {
        try await withStore { action in
            let sandbox = action.sandbox
            let cold = try await action.run("main")
            #expect(cold.code == 0, "\(cold.log)")
            #expect(cold.err == "")
            #expect(
                cold.outputs.filter { $0.key != "duration" } == [
                    "cache-status": "miss", "cache-source": "", "cache-key": "", "snapshot": "", "object-count": "0",
                    "total-bytes": "0",
                ])
            #expect(cold.plainSummary.hasPrefix("### Memory of the agent: a cold start\n"))
            #expect(cold.plainSummary.contains("| Status | miss (absent) |"))
            #expect(cold.plainSummary.contains("| Last good save | none |"))
            #expect(cold.annotations("warning") + cold.annotations("error") == [])

            // Beside it, a save writes the marker of the storage version.
            try sandbox.write("storage/session/a.json", #"{"id":"a"}"#)
            let saved = try await action.after(cold).run("post")
            #expect(saved.code == 0, "\(saved.log)")
            #expect(saved.err == "")
            #expect(saved.plainSummary.hasPrefix("### Memory of the agent: saved\n"), "\(saved.summary)")
            #expect(saved.plainSummary.contains("| Memory | github of owner/repo |"))
            #expect(saved.plainSummary.contains("| Store | saved |"))
            #expect(saved.plainSummary.contains("| Content | 2 files, 11 B |"))
            #expect(saved.plainSummary.contains("| Last good save | just now |"))

            try sandbox.remove("storage")
            try sandbox.remove("home")
            let warm = try await action.run("main")
            #expect(warm.code == 0, "\(warm.log)")
            #expect(warm.outputs["cache-status"] == "hit")
            #expect(warm.outputs["cache-source"] == "s3")
            #expect(warm.outputs["cache-key"] == "s3:owner/repo")
            #expect(warm.outputs["object-count"] == "2")
            #expect(warm.outputs["total-bytes"] == "11")
            #expect(warm.outputs["snapshot"] == warm.state["snapshot"])
            #expect(warm.state["snapshot-time"]?.hasSuffix("Z") == true)
            #expect(warm.plainSummary.hasPrefix("### Memory of the agent: restored\n"))
            #expect(
                warm.plainSummary.contains(/\| Last good save \| 20.*, (just now|[0-9]+ seconds? ago) \|/),
                "\(warm.plainSummary)")
            #expect(warm.lines.contains("::group::Restore the agent's memory"))
            #expect(warm.lines.contains("::endgroup::"))
        }
    }

    @Test(
        "Removals of most files wait with a warning, unless the job has seen them or the input allows them",
        arguments: ["same directory", "other directory", "allowed"])
    func removals(_ way: String) async throws {
        try await withStore { action in
            let sandbox = action.sandbox
            for n in 0..<12 { try sandbox.write("storage/message/\(n).json", "{}") }
            #expect(try await action.after(try await action.run("main")).run("post").code == 0)
            let main = try await action.run("main")
            #expect(main.outputs["cache-status"] == "hit", "\(main.log)")
            if way == "same directory" {
                for n in 0..<12 { try sandbox.remove("storage/message/\(n).json") }
            } else {
                try FileManager.default.moveItem(atPath: sandbox.path("storage"), toPath: sandbox.path("unmounted"))
            }
            try sandbox.write("storage/new.json", "{}")
            let post = try await action.with(way == "allowed" ? ["allow-shrink": "true"] : [:]).after(main).run("post")
            #expect(post.code == 0, "\(post.log)")
            let warnings = post.annotations("warning").filter { $0.contains("12 of 12 files") }
            #expect(warnings.count == (way == "other directory" ? 1 : 0), "\(post.log)")
            let reader = ActionSandbox(sandbox.machine("reader"), inputs: action.inputs)
            let pull = try await reader.run("main")
            #expect(pull.outputs["object-count"] == (way == "other directory" ? "14" : "2"), "\(pull.log)")
        }
    }

    @Test("Without a save the summary tells how old the last good one is")
    func lastSave() async throws {
        try await withStore { action in
            try action.sandbox.write("storage/a", "a")
            let closed = try ClosedPort()
            let main = ActionSandbox(
                action.sandbox, inputs: action.inputs, state: ["snapshot-time": "2020-01-01T00:00:00.000Z"]
            ).with(["s3-endpoint": closed.url])
            let post = try await main.run("post")
            #expect(post.code == 0)
            #expect(post.plainSummary.hasPrefix("### Memory of the agent: not saved\n"), "\(post.plainSummary)")
            #expect(
                post.plainSummary.contains(
                    /\| Last good save \| 2020-01-01T00:00:00Z, [0-9,]+ days ago, 1 failed since \|/))
            #expect(post.annotations("warning").count >= 1)
            #expect(post.plainSummary.contains(closed.url.dropFirst(7)))
        }
    }

    // MARK: Wrong inputs

    @Test(
        "An input that cannot be used fails the step, and is named",
        arguments: [
            (["s3-backup": "true"], "s3-bucket required when s3-backup is enabled"),
            (["s3-backup": "yes"], #"specification: s3-backup is 'yes'"#),
            (["save": "1"], "specification: save is '1'"),
            (["fail-on-error": "on"], "specification: fail-on-error is 'on'"),
            (["s3-mirror": "no"], "specification: s3-mirror is 'no'"),
            (["s3-allow-insecure-endpoint": "y"], "specification: s3-allow-insecure-endpoint is 'y'"),
            (
                ["restore-policy": "oldest"],
                "restore-policy is 'oldest'; it must be one of newest, cache-first, store-first"
            ),
            (["agent-identity": "Not A Name"], "agent-identity: "),
            (["share-from": "discord,Not A Name"], "share-from: "),
            (["s3-sse-encryption": "AES"], "s3-sse-encryption is 'AES'"),
            (["s3-sse-kms-key-id": "key"], "s3-sse-kms-key-id needs encryption by KMS"),
            (["s3-expected-bucket-owner": "me"], "s3-expected-bucket-owner is 'me'"),
            (["s3-bucket": "a/b"], "s3-bucket: "), (["s3-endpoint": "ftp://host"], "s3-endpoint: "),
            (["s3-endpoint": "http://minio.example"], "s3-endpoint: "), (["s3-region": "no region"], "s3-region: "),
            (["role-duration-seconds": "60"], "Input role-duration-seconds is '60'"),
        ])
    func wrong(_ inputs: [String: String], message: String) async throws {
        try await Sandbox.run { sandbox in
            let usable = ["s3-backup": "true", "s3-bucket": "bucket"]
            let action = ActionSandbox(
                sandbox, inputs: inputs == ["s3-backup": "true"] ? inputs : usable.merging(inputs) { $1 })
            let main = try await action.run("main")
            #expect(main.code == 64, "\(main.log)")
            #expect(main.annotations("error").count == 1)
            #expect(main.annotations("error").first?.contains(message) == true, "\(main.log)")
            #expect(main.outputs == [:])
            // One line in the log is enough.
            let post = try await action.after(main).run("post")
            #expect(post.code == 0)
            #expect(post.log == "Holdfast did not start in this job, so there is nothing to save.\n")
        }
    }

    @Test("Booleans of YAML 1.2 are taken in each spelling", arguments: ["true", "True", "TRUE"])
    func booleans(_ value: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await ActionSandbox(sandbox, inputs: ["s3-backup": value]).run("main")
            #expect(run.annotations("error").first?.hasPrefix("s3-bucket required") == true)
            let no = value.replacing("tru", with: "fals").replacing("Tru", with: "Fals").replacing("TRU", with: "FALS")
            #expect(try await ActionSandbox(sandbox, inputs: ["s3-backup": no]).run("main").code == 0)
        }
    }

    // MARK: What is asked for

    @Test("save: false saves nothing, and says so")
    func noSave() async throws {
        try await withStore { action in
            try action.sandbox.write("storage/a", "a")
            let post = try await action.with(["save": "false"]).run("post")
            #expect(post.code == 0)
            #expect(post.log == "The input save is false: nothing is saved.\n")
            #expect(try await action.run("main").outputs["cache-status"] == "miss")
        }
    }

    @Test(
        "Trouble with the store is a warning, and with fail-on-error an error of the step", arguments: ["main", "post"])
    func failOnError(_ phase: String) async throws {
        try await withStore { action in
            try action.sandbox.write("storage/a", "a")
            let closed = try ClosedPort()
            let down = action.with(["s3-endpoint": closed.url])
            let gentle = try await down.run(phase)
            #expect(gentle.code == 0, "\(gentle.log)")
            #expect(gentle.annotations("warning").contains { $0.contains(closed.url.dropFirst(7)) }, "\(gentle.log)")
            #expect(gentle.annotations("error") == [])
            let strict = try await down.with(["fail-on-error": "true"]).run(phase)
            #expect(strict.code == 1)
            #expect(strict.annotations("error").contains { $0.contains(closed.url.dropFirst(7)) }, "\(strict.log)")
        }
    }

    @Test("A cold start that is no plain miss is a warning with its reason")
    func denied() async throws {
        try await StubStore.run { store, server, sandbox in
            store.answering { _ in .text("<Error><Code>AccessDenied</Code></Error>", status: 403) }
            let main = try await ActionSandbox.stub(server, sandbox).run("main")
            #expect(main.code == 0)
            #expect(main.annotations("warning").first?.contains("without its memory (denied)") == true, "\(main.log)")
            #expect(main.outputs["cache-status"] == "miss")
            #expect(main.plainSummary.contains("| Status | miss (denied) |"))
            #expect(main.plainSummary.contains("s3:ListBucket"))
        }
    }

    @Test("Another agent's memory seeds an empty one, and the input takes several")
    func shareFrom() async throws {
        try await withStore { action in
            try action.sandbox.write("storage/a", "from the bot")
            #expect(try await action.with(["agent-identity": "discord"]).run("post").code == 0)
            try action.sandbox.remove("storage")
            try action.sandbox.remove("home")
            let main = try await action.with(["share-from": "nobody, discord"]).run("main")
            #expect(main.outputs["cache-status"] == "hit", "\(main.log)")
            #expect(main.plainSummary.contains("| Seeded from | discord |"))
            #expect(try action.sandbox.texts("storage")["a"] == "from the bot")
        }
    }

    @Test("A path of the home directory is taken as a shell would")
    func tilde() async throws {
        try await withStore { action in
            try action.sandbox.write("home/agent/storage/a", "a")
            let post = try await action.with(["storage-path": "~/agent/storage"]).run("post")
            #expect(post.plainSummary.contains("| Content | 2 files, 2 B |"), "\(post.log)")
        }
    }

    @Test("A run that an outsider can start reads the store and writes nothing to it")
    func outsider() async throws {
        try await withStore { action in
            try action.sandbox.write("storage/a", "a")
            try action.sandbox.write(
                "event.json",
                #"{"pull_request":{"head":{"repo":{"full_name":"evil/repo","fork":true}},"base":{"repo":{"full_name":"owner/repo"}}}}"#
            )
            let event = [
                "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": action.sandbox.path("event.json"),
            ]
            let post = try await action.run("post", with: event)
            #expect(post.code == 0)
            #expect(post.annotations("notice").count == 1, "\(post.log)")
            #expect(post.plainSummary.contains("| Store | skipped |"))
            #expect(try await action.run("main").outputs["cache-status"] == "miss")
        }
    }
}
