import Foundation
import NIOConcurrencyHelpers
import Subprocess
import TestSupport
import Testing

@Suite("The command watches", .timeLimit(.minutes(5)))
struct WatchTests {
    /// Whether the store has what is on the disk.
    private func isSaved(_ sandbox: Sandbox) async throws -> Bool {
        let status = try await sandbox.holdfast("status", "--json")
        return try status.code == 0 && status.json["local"]["identical"].bool == true
    }

    /// What another machine gets.
    private func pulled(_ sandbox: Sandbox, agent: String? = nil) async throws -> [String: String] {
        var reader = sandbox.machine("reader")
        reader.environment["HOLDFAST_AGENT"] = agent ?? sandbox.environment["HOLDFAST_AGENT"]
        if reader.exists("reader") { try reader.remove("reader") }
        let pull = try await reader.holdfast("pull")
        try #require(pull.code == 0, "\(pull.err)")
        return try reader.texts("reader/storage")
    }

    @Test(
        "Changes are saved while it runs, and what is left at a signal, which ends it well",
        arguments: [Signal.terminate, .interrupt])
    func watch(_ signal: Signal) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/session/1", "one")
            let run = try await sandbox.holdfast("watch", "--json") { send in
                try await eventually("the first save") { try await isSaved(sandbox) }
                try sandbox.write("storage/message/new/2", "two")
                try await eventually("the second save") {
                    try await pulled(sandbox) == ["session/1": "one", "message/new/2": "two"]
                }
                try sandbox.write("storage/session/1", "the last word")
                try send(signal)
            }
            #expect(run.code == 0, "\(run.err)")
            #expect(try run.json["success"].bool == true)
            let memory = try #require(try run.json["memories"].array?.first)
            #expect(memory["objectCount"].int == 2)
            #expect(memory["failures"].int == 0)
            #expect(memory["id"].string == "local-owner-repo")
            #expect(try await pulled(sandbox) == ["session/1": "the last word", "message/new/2": "two"])
            let status = try await sandbox.holdfast("status")
            #expect(status.out.contains("last good save "))
            #expect(status.out.contains(", 0 failed since"))
        }
    }

    @Test("Answers of 503 are reported and outlived; what was written meanwhile is saved after them")
    func outage() async throws {
        try await StubStore.run { store, server, sandbox in
            try sandbox.write("storage/a", "1")
            let run = try await sandbox.holdfast("watch", "--log-format", "json") { send in
                try await eventually("the first save") { try await store.keys().contains { $0.contains("/commits/") } }
                store.answering { _ in .status(503) }
                try sandbox.write("storage/a", "2")
                let seen = server.requests.count
                try await eventually("attempts") { server.requests.count >= seen + 3 }
                try sandbox.write("storage/b", "2")
                let status = try await sandbox.holdfast("status", "--json")
                #expect(status.code == 1)
                store.answering { _ in nil }
                try await eventually("the save after it") { try await pulled(sandbox) == ["a": "2", "b": "2"] }
                try send(.terminate)
            }
            #expect(run.code == 0, "\(run.err)")
            let lines = try run.logLines
            #expect(lines.contains { $0["message"].string?.hasPrefix("A save failed") == true }, "\(run.err)")
            #expect(lines.contains { $0["message"].string == "Saved, after failures" }, "\(run.err)")
        }
    }

    @Test("An end while the store is down says that something is on this machine only")
    func endsInOutage() async throws {
        try await StubStore.run { store, _, sandbox in
            try sandbox.write("storage/a", "1")
            let run = try await sandbox.holdfast("watch", "--json") { send in
                try await eventually("the first save") { try await isSaved(sandbox) }
                store.answering { _ in .status(403) }
                try sandbox.write("storage/a", "2")
                try send(.terminate)
            }
            #expect(run.code == 1)
            #expect(run.err.contains("they are still on this machine"))
            #expect(try run.json["success"].bool == false)
            store.answering { _ in nil }
            let status = try await sandbox.holdfast("status", "--json")
            #expect(try status.json["saves"]["failuresSince"].int ?? 0 > 0)
            #expect(try status.json["saves"]["lastFailure"]["code"].string == "denied")
        }
    }

    @Test("Sessions of two that follow each other cross in both directions, and both come to rest")
    func follow() async throws {
        try await Sandbox.run { sandbox in
            var (action, bot) = (sandbox.machine("action"), sandbox.machine("bot"))
            action.environment["HOLDFAST_AGENT"] = "github"
            bot.environment["HOLDFAST_AGENT"] = "discord"
            let (one, two) = (action, bot)
            try one.write("action/storage/session/0", "begun in the Action")
            #expect(try await one.holdfast("push").code == 0)
            let rounds = 6
            let sessions = (1...rounds).map { ("session/\($0)", "session \($0)") }
            let expected = Dictionary(uniqueKeysWithValues: sessions + [("session/0", "begun in the Action")])
            async let watchingOne = one.holdfast("watch", "--follow", "discord", "--poll-interval", "1s") { send in
                try await eventually("all of the bot's sessions") { try one.texts("action/storage") == expected }
                try await eventually("the last save") { try await isSaved(one) }
                try send(.terminate)
            }
            async let watchingTwo = two.holdfast(
                "watch", "--share-from", "github", "--follow", "github", "--poll-interval", "1s"
            ) { send in
                try await eventually("the seed") { two.exists("bot/storage/session/0") }
                for (number, (path, text)) in sessions.enumerated() {
                    let (writer, reader) = number % 2 == 0 ? ("action", "bot") : ("bot", "action")
                    try two.write("\(writer)/storage/\(path)", text)
                    try await eventually("session \(number) on the other side") {
                        two.exists("\(reader)/storage/\(path)")
                    }
                }
                try await eventually("the last save") { try await isSaved(two) }
                try send(.terminate)
            }
            let (first, second) = try await (watchingOne, watchingTwo)
            #expect(first.code == 0, "\(first.err)")
            #expect(second.code == 0, "\(second.err)")
            #expect(try one.texts("action/storage") == expected)
            #expect(try two.texts("bot/storage") == expected)
            #expect(try await pulled(one) == expected)
            #expect(try await pulled(two) == expected)
        }
    }

    @Test("Several memories of the config file are watched by one process")
    func several() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write(
                "watch.yaml",
                """
                store: file://\(sandbox.path("store"))
                memories:
                  - repo: octo-org/website
                    agent: discord
                    storage: \(sandbox.path("website/storage"))
                  - repo: octo-org/api
                    storage: \(sandbox.path("api/storage"))
                    mirror: false
                """)
            try sandbox.write("website/storage/a", "1")
            try sandbox.write("api/storage/b", "2")
            let run = try await sandbox.holdfast("watch", "--config", "watch.yaml", "--json") { send in
                try await eventually("both") {
                    let commits = try sandbox.tree("store").keys.filter { $0.contains("/commits/") }
                    return ["discord/octo-org-website/", "local/octo-org-api/"].allSatisfy { memory in
                        commits.contains { $0.contains(memory) }
                    }
                }
                try send(.terminate)
            }
            #expect(run.code == 0, "\(run.err)")
            let memories = try #require(try run.json["memories"].array)
            #expect(memories.map { $0["id"].string } == ["discord-octo-org-website", "local-octo-org-api"])
            #expect(memories.map { $0["objectCount"].int } == [1, 1])
            let keys = try sandbox.tree("store").keys
            #expect(keys.contains { $0.contains("octo-org-website/storage/a") })
            #expect(!keys.contains { $0.contains("octo-org-api/storage/b") })
        }
    }

    @Test(
        "What cannot be watched is wrong usage, said before anything is done",
        arguments: [
            (["--follow", "local"], "", "is 'local', which is the memory itself"),
            (["--follow", "No Name"], "", "agent 'No Name' cannot be used"),
            (["--poll-interval", "soon"], "", "a time such as"),
            (["--repo", "a/b"], "memories: [{repo: a/b}]", "--repo cannot say which of the memories"),
            ([], "memories: []", "no list of memories"),
            ([], "memories: [{rope: a/b}]", "sets 'rope', which is no setting"),
            ([], "memories: [{repo: a/b}, {repo: a/c}]", "has the storage directory of"),
        ])
    func usage(_ options: [String], config: String, message: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("watch.yaml", config)
            let arguments = ["watch"] + (config.isEmpty ? [] : ["--config", "watch.yaml"]) + options
            let run = try await sandbox.program(Sandbox.binary, arguments)
            #expect(run.code == 64)
            #expect(run.err.contains(message), "\(run.err)")
            #expect(!sandbox.exists("home/.local"))
        }
    }

    @Test("Killed at random again and again, it saves everything on restart")
    func killed() async throws {
        var random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            let machine = Machine("bot", in: sandbox)
            var state = ChangingState(&random)
            var local: [String: Data] = [:]
            for _ in 0..<8 {
                state.change(&random)
                let (before, now) = (local, state.files)
                let life = Duration.milliseconds(Int.random(in: 50...1800, using: &random))
                async let killed = machine.run("watch", "--no-restore", killedAfter: life)
                try machine.replace(before, by: now)
                local = now
                #expect(try await killed.code == Machine.killed)
            }
            state.change(&random)
            let (before, now) = (local, state.files)
            local = now
            let run = try await machine.sandbox.holdfast("watch", "--no-restore") { send in
                // Once it has saved a change of its own life, it hears signals.
                try machine.replace(before, by: now)
                try await eventually("a save") { try await isSaved(machine.sandbox) }
                try send(.terminate)
            }
            #expect(run.code == 0, "seed \(random.seed): \(run.err)")
            let reader = Machine("reader", in: sandbox)
            let pull = try await reader.run("pull")
            #expect(pull.code == 0, "seed \(random.seed): \(pull.err)")
            let difference = difference(try reader.files(), local)
            #expect(difference == nil, "seed \(random.seed): \(difference ?? "")")
            #expect(try await reader.run("verify", "--read-data").code == 0)
        }
    }
}

@Suite("The command pushes to another identity")
struct PushToTests {
    @Test("What a bot saves at the end of a session is in the other's memory, beside what is there")
    func pushTo() async throws {
        try await Sandbox.run { sandbox in
            var (action, bot) = (sandbox.machine("action"), sandbox.machine("bot"))
            action.environment["HOLDFAST_AGENT"] = "github"
            bot.environment["HOLDFAST_AGENT"] = "discord"
            for number in 0..<12 { try action.write("action/storage/session/\(number)", "action") }
            #expect(try await action.holdfast("push").code == 0)
            try bot.write("bot/storage/session/bot", "bot")
            let push = try await bot.holdfast("push", "--to", "github", "--json")
            #expect(push.code == 0, "\(push.err)")
            #expect(try push.json["objectCount"].int == 13)
            #expect(try await action.holdfast("pull").code == 0)
            #expect(try action.texts("action/storage").count == 13)
            #expect(try bot.texts("bot/storage").count == 1)
            let wrong = try await bot.holdfast("push", "--to", "Git Hub")
            #expect(wrong.code == 64)
            #expect(wrong.err.contains("--to: agent 'Git Hub' cannot be used"))
        }
    }
}
