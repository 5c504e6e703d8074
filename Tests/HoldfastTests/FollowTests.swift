import Basics
import FileIO
import Foundation
import NIOCore
import ObjectStore
import Repository
import TestSupport
import Testing

@testable import AgentDatabase
@testable import Holdfast

/// Identities that share a repository: each has a storage directory and a memory of its own, all in one store.
private struct Shared: Sendable {
    let fixture: Fixture

    static func with(_ body: (Shared) async throws -> Void) async throws {
        try await Fixture.with { try await body(Shared(fixture: $0)) }
    }

    /// The memory of an identity.
    /// - Parameter machine: whose storage directory it is for; its own if `nil`.
    func memory(_ agent: String, on machine: String? = nil, checkout: String? = nil) throws -> Memory {
        let machine = machine ?? agent
        var options = Memory.Options(
            storage: fixture.storage(machine), concurrency: 8, stateDirectory: "\(fixture.folder)/\(machine)/state",
            writer: machine)
        options.checkout = { checkout }
        return Memory(
            store: fixture.store, location: fixture.location.with(agent: try AgentIdentity(agent)), options: options,
            meter: fixture.meter, logger: .silent)
    }

    func push(_ agent: String) async throws {
        let result = try await memory(agent).push()
        try #require(result.success, "\(result)")
    }

    /// Lets an identity look at another one's memory, and save what it got.
    @discardableResult
    func follow(_ agent: String, _ other: String) async throws -> SyncResult {
        let result = try await memory(other, on: agent).follow(into: memory(agent))
        try #require(result.success, "\(result)")
        return result
    }

    func snapshots() async throws -> [String] {
        try await fixture.store.list(prefix: "").collect().map(\.key.text).filter { $0.contains("/commits/") }
    }

    func database(_ agent: String) throws -> SQLiteConnection {
        try FileManager.default.createDirectory(atPath: fixture.storage(agent), withIntermediateDirectories: true)
        let connection = try SQLiteConnection("\(fixture.folder)/\(agent)/opencode.db", .create)
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON")
        return connection
    }
}

@Suite("Following another identity")
struct FollowTests {
    @Test("New and later files come, and each is fetched once")
    func files() async throws {
        try await Shared.with { shared in
            try shared.fixture.write(["session/1": "one", "session/2": "two"], on: "github")
            try await shared.push("github")
            #expect(try await shared.follow("bot", "github").transferredObjects == 2)
            #expect(try shared.fixture.files("bot") == ["session/1": "one", "session/2": "two"])
            try shared.fixture.write(["session/1": "one, continued"], on: "github")
            try await shared.push("github")
            #expect(try await shared.follow("bot", "github").transferredObjects == 1)
            #expect(try shared.fixture.files("bot")["session/1"] == "one, continued")
        }
    }

    @Test("Nothing new costs one listing")
    func oneRequest() async throws {
        try await Shared.with { shared in
            try shared.fixture.write(["a": "1"], on: "github")
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try await shared.follow("bot", "github").requests == 1)
        }
    }

    @Test("A memory that does not exist is nothing new")
    func absent() async throws {
        try await Shared.with { shared in
            let result = try await shared.follow("bot", "github")
            #expect(result.requests == 1)
            #expect(result.snapshot == nil)
        }
    }

    @Test("What is newer here stays; what is older is kept beside")
    func newerStays() async throws {
        try await Shared.with { shared in
            try shared.fixture.write(["newer-here": "github", "newer-there": "github"], on: "github")
            try shared.fixture.write(["newer-here": "bot", "newer-there": "bot"], on: "bot")
            let past = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -1000)]
            try FileManager.default.setAttributes(
                past, ofItemAtPath: shared.fixture.storage("github") + "/newer-here")
            try FileManager.default.setAttributes(past, ofItemAtPath: shared.fixture.storage("bot") + "/newer-there")
            try await shared.push("github")
            let result = try await shared.follow("bot", "github")
            #expect(try shared.fixture.files("bot") == ["newer-here": "bot", "newer-there": "github"])
            let kept = try #require(result.replacedKeptAt)
            #expect(try String(contentsOfFile: kept + "/newer-there", encoding: .utf8) == "bot")
        }
    }

    @Test("Nothing is removed, and what was removed here stays so until it changes there")
    func removals() async throws {
        try await Shared.with { shared in
            try shared.fixture.write(["a": "1", "b": "1", "c": "1"], on: "github")
            try await shared.push("github")
            try await shared.follow("bot", "github")
            try shared.fixture.remove("a", on: "github")
            try shared.fixture.remove("b", on: "bot")
            try shared.fixture.remove("c", on: "bot")
            try shared.fixture.write(["c": "2"], on: "github")
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try shared.fixture.files("bot") == ["a": "1", "c": "2"])
        }
    }

    @Test("Two that follow each other have the same in the end, and then make no more snapshots", arguments: 0..<4)
    func comesToRest(_: Int) async throws {
        var random = SeededGenerator.forTest()
        try await Shared.with { shared in
            let names = ["github", "bot"]
            for round in 0..<12 {
                // Later than all before, and the same on both sides, so that ties have to be broken as well.
                let time = [
                    FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_800_000_000 + Double(round))
                ]
                for name in names {
                    let paths = Set((0..<2).map { _ in "\(Int.random(in: 0..<6, using: &random))" })
                    for path in paths.sorted() {
                        try shared.fixture.write([path: "\(random.next() % 5)"], on: name)
                        try FileManager.default.setAttributes(
                            time, ofItemAtPath: shared.fixture.storage(name) + "/" + path)
                    }
                    if Bool.random(using: &random) { try await shared.push(name) }
                }
                // What came is saved before anybody writes on, as a watch does it.
                let name = names[Int.random(in: 0..<2, using: &random)]
                try await shared.follow(name, name == "bot" ? "github" : "bot")
                try await shared.push(name)
            }
            for name in names { try await shared.push(name) }
            var last = try await shared.snapshots()
            var rounds = 0
            while true {
                try #require(rounds < 6, "seed \(random.seed): snapshots go on")
                for name in names { try await shared.follow(name, name == "bot" ? "github" : "bot") }
                for name in names { try await shared.push(name) }
                let now = try await shared.snapshots()
                if now == last { break }
                last = now
                rounds += 1
            }
            let (one, two) = (try shared.fixture.files("github"), try shared.fixture.files("bot"))
            #expect(one == two, "seed \(random.seed)")
        }
    }

    @Test("An empty memory is seeded from the first of the others that has something; one that is not empty is not")
    func seed() async throws {
        try await Shared.with { shared in
            try shared.fixture.write(["a": "1"], on: "github")
            try await shared.push("github")
            let others = try [shared.memory("nobody", on: "bot"), shared.memory("github", on: "bot")]
            let seeded = try await shared.memory("bot").restoreForWatch(sharing: others)
            #expect(seeded.success)
            #expect(try shared.fixture.files("bot") == ["a": "1"])
            try await shared.push("bot")
            try shared.fixture.write(["b": "2"], on: "github")
            try await shared.push("github")
            #expect(try await shared.memory("bot").restoreForWatch(sharing: others).success)
            #expect(try shared.fixture.files("bot") == ["a": "1"])
        }
    }

    @Test("A push into another identity's memory merges with what is there, and hides nothing from its followers")
    func pushTo() async throws {
        try await Shared.with { shared in
            let many = Dictionary(uniqueKeysWithValues: (0..<12).map { ("session/\($0)", "github") })
            try shared.fixture.write(many, on: "github")
            try await shared.push("github")
            try shared.fixture.write(["session/bot": "bot"], on: "bot")
            let result = try await shared.memory("github", on: "bot").push()
            #expect(result.success, "\(result)")
            #expect(try await shared.memory("github").pull().success)
            #expect(try shared.fixture.files("github") == many.merging(["session/bot": "bot"]) { $1 })
            try await shared.follow("bot", "github")
            #expect(try shared.fixture.files("bot") == many.merging(["session/bot": "bot"]) { $1 })
        }
    }

    // MARK: Databases

    private func add(_ session: String, _ database: SQLiteConnection, time: Int = 1, directory: String = "/agent/x")
        throws
    {
        try database.transaction {
            try database.execute(
                """
                INSERT INTO session (id, project_id, directory, title, time_updated)
                  VALUES ('\(session)', 'p', '\(directory)', 'title', \(time))
                """)
            for n in 0..<3 {
                try database.execute(
                    "INSERT INTO message VALUES ('\(session)-\(n)', '\(session)', \(time), 'text \(n)')")
            }
        }
    }

    private func sessions(_ database: SQLiteConnection) throws -> [String] {
        #expect(try database.rows("PRAGMA integrity_check") == [[.text("ok")]])
        #expect(try database.rows("PRAGMA foreign_key_check").isEmpty)
        return try database.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
    }

    private func title(_ session: String, _ database: SQLiteConnection) throws -> String? {
        try database.rows("SELECT title FROM session WHERE id = ?1", [.text(session)]).first?.first?.string
    }

    @Test("Sessions come into a database that the agent has open, in the middle of its work")
    func liveDatabase() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            for database in [github, bot] { try database.execute(DatabaseTests.schema) }
            try add("action", github)
            try add("chat", bot)
            try await shared.push("github")
            // A reader that has begun before, as a bot has at any time.
            let reader = try SQLiteConnection("\(shared.fixture.folder)/bot/opencode.db", .read)
            let open = try reader.prepare("SELECT id FROM session")
            #expect(try open.step())
            #expect(try await shared.follow("bot", "github").transferredObjects == 1)
            #expect(try sessions(bot) == ["action", "chat"])
            #expect(try bot.rows("SELECT count(*) FROM message") == [[.integer(6)]])
            // The bot goes on with the same connection.
            try add("next", bot)
            #expect(try sessions(bot) == ["action", "chat", "next"])
        }
    }

    @Test("Of a row that both changed the later version stays, and nothing is deleted")
    func rows() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            for database in [github, bot] { try database.execute(DatabaseTests.schema) }
            for name in ["kept", "newer-here", "newer-there", "removed-here", "removed-there"] { try add(name, github) }
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try sessions(bot).count == 5)
            try github.execute(
                """
                UPDATE session SET title = 'github', time_updated = 5 WHERE id LIKE 'newer-%';
                DELETE FROM session WHERE id = 'removed-there';
                """)
            try bot.execute(
                """
                UPDATE session SET title = 'bot', time_updated = 9 WHERE id = 'newer-here';
                UPDATE session SET title = 'bot', time_updated = 3 WHERE id = 'newer-there';
                DELETE FROM session WHERE id = 'removed-here';
                """)
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try sessions(bot) == ["kept", "newer-here", "newer-there", "removed-there"])
            #expect(try title("newer-here", bot) == "bot")
            #expect(try title("newer-there", bot) == "github")
        }
    }

    @Test("Databases of two that follow each other come to rest with the same sessions")
    func databasesComeToRest() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            for database in [github, bot] { try database.execute(DatabaseTests.schema) }
            var last: [String] = []
            for round in 0..<3 {
                try add("action-\(round)", github, time: round)
                try add("chat-\(round)", bot, time: round)
                try github.execute("UPDATE session SET title = 'by github', time_updated = 50 WHERE id = 'chat-0'")
                try bot.execute("UPDATE session SET title = 'by bot', time_updated = 50 WHERE id = 'chat-0'")
                for _ in 0..<3 {
                    try await shared.push("github")
                    try await shared.push("bot")
                    try await shared.follow("github", "bot")
                    try await shared.follow("bot", "github")
                }
                try await shared.push("github")
                try await shared.push("bot")
                last = try await shared.snapshots()
                try await shared.follow("github", "bot")
                try await shared.follow("bot", "github")
                try await shared.push("github")
                try await shared.push("bot")
                #expect(try await shared.snapshots() == last)
            }
            #expect(try sessions(github) == (0..<3).map { "action-\($0)" } + (0..<3).map { "chat-\($0)" })
            #expect(try sessions(bot) == sessions(github))
        }
    }

    @Test("A database that is not here yet is put in place, with the checkout of this machine")
    func newDatabase() async throws {
        try await Shared.with { shared in
            let github = try shared.database("github")
            try github.execute(DatabaseTests.schema)
            try add("action", github, directory: "/agent/checkout/x")
            try await shared.push("github")
            let checkout = "\(shared.fixture.folder)/checkout"
            try FileManager.default.createDirectory(atPath: checkout, withIntermediateDirectories: true)
            func follow() async throws {
                let result = try await shared.memory("github", on: "bot", checkout: checkout).follow(
                    into: shared.memory("bot"))
                try #require(result.success, "\(result)")
            }
            try await follow()
            let bot = try shared.database("bot")
            #expect(try sessions(bot) == ["action"])
            try add("later", github, directory: "/agent/checkout/y")
            try await shared.push("github")
            try await follow()
            #expect(
                try bot.rows("SELECT directory FROM session ORDER BY id").compactMap(\.first?.string)
                    == ["\(checkout)/x", "\(checkout)/y"])
        }
    }

    @Test(
        "Of a database that changed a little, little is fetched, also after the kept image is damaged or lost",
        arguments: [0, 1, 2])
    func smallChange(trouble: Int) async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            for database in [github, bot] { try database.execute(DatabaseTests.schema) }
            var random = SeededGenerator(seed: 1)
            for number in 0..<300 {
                let noise = random.bytes(2000).map { String($0, radix: 16) }.joined()
                try github.execute("INSERT INTO session VALUES ('s\(number)', 'p', '/x', '\(noise)', 1)")
            }
            try await shared.push("github")
            let whole = try await shared.follow("bot", "github").transferredBytes
            let state = "\(shared.fixture.folder)/bot/state"
            for name in try FileManager.default.contentsOfDirectory(atPath: state) where name.hasSuffix(".image") {
                if trouble == 1 { try Data("nonsense".utf8).write(to: URL(fileURLWithPath: "\(state)/\(name)")) }
                if trouble == 2 { try FileManager.default.removeItem(atPath: "\(state)/\(name)") }
            }
            try add("new", github)
            try await shared.push("github")
            let little = try await shared.follow("bot", "github").transferredBytes
            #expect((little < whole / 4) == (trouble == 0))
            #expect(try sessions(bot).contains("new"))
            #expect(try sessions(bot).count == 301)
        }
    }

    @Test("Of a database of a later schema, rows are added as far as they fit")
    func schema() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            try github.execute(DatabaseTests.schema)
            try bot.execute(DatabaseTests.schema)
            try add("chat", bot)
            try add("action", github)
            try github.execute("ALTER TABLE session ADD COLUMN extra text; CREATE TABLE more (id text PRIMARY KEY)")
            try github.execute("INSERT INTO more VALUES ('hidden')")
            try await shared.push("github")
            let result = try await shared.follow("bot", "github")
            #expect(result.warnings.contains { $0.contains("1 row of 'more' is hidden: needs a newer agent") })
            #expect(try sessions(bot) == ["action", "chat"])
            // Its agent is upgraded.
            try bot.execute("ALTER TABLE session ADD COLUMN extra text; CREATE TABLE more (id text PRIMARY KEY)")
            try add("later", github)
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try sessions(bot) == ["action", "chat", "later"])
            #expect(try bot.rows("SELECT id FROM more").count == 1)
        }
    }

    @Test("What was refused for its schema is not noted as done")
    func refused() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            try github.execute(DatabaseTests.schema)
            try bot.execute(DatabaseTests.schema + "CREATE TABLE mine (id text PRIMARY KEY);")
            try add("first", github)
            try github.execute("CREATE TABLE theirs (id text PRIMARY KEY)")
            try await shared.push("github")
            let result = try await shared.follow("bot", "github")
            #expect(result.warnings.contains { $0.contains("one schema here and another there") })
            #expect(try sessions(bot) == [])
            try bot.execute("DROP TABLE mine")
            try add("second", github)
            try await shared.push("github")
            try await shared.follow("bot", "github")
            #expect(try sessions(bot) == ["first", "second"])
        }
    }

    @Test("While another program writes, nothing is taken over; the next look does it")
    func busy() async throws {
        try await Shared.with { shared in
            let (github, bot) = (try shared.database("github"), try shared.database("bot"))
            for database in [github, bot] { try database.execute(DatabaseTests.schema) }
            try add("action", github)
            try await shared.push("github")
            try bot.execute("BEGIN IMMEDIATE")
            let result = try await shared.memory("github", on: "bot").follow(into: shared.memory("bot"))
            #expect(result.error?.code == .database)
            try bot.execute("COMMIT")
            try await shared.follow("bot", "github")
            #expect(try sessions(bot) == ["action"])
        }
    }
}

@Suite("What a machine remembers of its saves")
struct SaveRecordTests {
    @Test("A good save is noted; failures after it are counted until the next one")
    func record() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1"])
            #expect(await fixture.memory().saveRecord(newest: nil) == nil)
            let push = await fixture.memory().push()
            let good = try #require(await fixture.memory().saveRecord(newest: nil))
            #expect(good.snapshot == push.snapshot)
            #expect(good.failuresSince == 0)
            #expect(abs(try #require(good.lastSuccess).timeIntervalSinceNow) < 60)
            // A name that no pull would write is left out, and the save is not complete.
            try fixture.write(["b": "1", "c\u{1}": "1"])
            for count in 1...2 {
                #expect(!(await fixture.memory().push().success))
                let bad = try #require(await fixture.memory().saveRecord(newest: nil))
                #expect(bad.failuresSince == count)
                #expect(bad.lastFailure?.code == .incomplete)
                #expect(bad.lastSuccess == good.lastSuccess)
            }
            try fixture.remove("c\u{1}")
            try fixture.remove("a")
            try fixture.remove("b")
            // Removals that wait are no failure: everything else is saved.
            #expect(await fixture.memory().push().error?.code == .shrinks)
            #expect(await fixture.memory().saveRecord(newest: nil)?.failuresSince == 0)
            #expect(await fixture.memory().push(allowShrink: true).success)
            #expect(await fixture.memory().saveRecord(newest: nil)?.failuresSince == 0)
        }
    }

    @Test("Where this machine knows of no save, the newest snapshot says when there was one")
    func elsewhere() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1"])
            #expect(await fixture.memory().push().success)
            let newest = try await fixture.memory("b").repository.newest()
            let record = try #require(await fixture.memory("b").saveRecord(newest: newest.tip))
            #expect(record.lastSuccess == newest.tip?.time)
            #expect(record.snapshot == newest.tip?.id.hexadecimal)
        }
    }

    @Test(
        "It is said in the largest unit that fits",
        arguments: [
            (0.4, "just now"), (1, "1 second ago"), (59, "59 seconds ago"), (61, "1 minute ago"), (7200, "2 hours ago"),
            (200_000, "2 days ago"), (-5, "just now"),
        ])
    func words(_ age: Double, _ words: String) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let record = SaveRecord(lastSuccess: now - age)
        #expect(record.words(now: now) == "last good save \(words), 0 failed since")
    }

    @Test("Without any good save, that is said")
    func never() {
        #expect(SaveRecord().words() == "no good save yet, 0 failed since")
    }
}
