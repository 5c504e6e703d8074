import Basics
import Crypto
import Foundation
import TestSupport
import Testing

@Suite("The emergency reader", .timeLimit(.minutes(5)))
struct EmergencyReaderTests {
    /// Saves several states of an agent: rows and files that come, change and go, a large file, odd names and modes.
    /// - Returns: the ids of the snapshots, the oldest first.
    private func history(_ home: AgentHome, rounds: Int, _ random: inout SeededGenerator) async throws -> [String] {
        let storage = "\(home.name)/opencode/storage"
        var ids: [String] = []
        for round in 0..<rounds {
            if round > 0 { try await home.mutate(seed: random.next() % 1000) }
            var large = Data()
            for _ in 0..<(140_000 + round) {
                withUnsafeBytes(of: random.next()) { large.append(contentsOf: $0) }
            }
            try home.sandbox.write("\(storage)/large/data.bin", large)
            try home.sandbox.write("\(storage)/empty", "")
            try home.sandbox.write("\(storage)/names/\u{E9}", "composed \(round)")
            try home.sandbox.write("\(storage)/names/a b%20\u{1F4BE}", "odd \(round)")
            try home.sandbox.write("\(storage)/round-\(round)", "only in this round")
            if round > 0 { try home.sandbox.remove("\(storage)/round-\(round - 1)") }
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o750], ofItemAtPath: home.sandbox.path("\(storage)/names/a b%20\u{1F4BE}"))
            let push = try await home.sandbox.holdfast("push", "--json")
            try #require(push.code == 0, "seed \(random.seed): \(push.err)")
            ids.append(try #require(try push.json["snapshot"].string))
        }
        return ids
    }

    /// Compares what the reader and the command make of a snapshot: every byte, the permissions and the times.
    private func compare(_ id: String, _ reader: EmergencyReader, _ sandbox: Sandbox) async throws {
        let name = "by-\(id.prefix(8))"
        let read = try await reader.restore(id, to: "\(name)/read")
        let machine = sandbox.machine("\(name)/pulled")
        let pull = try await machine.holdfast("pull", "--at", id)
        try #require(pull.code == 0, "\(pull.err)")
        let pulled = try sandbox.tree("\(name)/pulled/storage").compactMapValues { $0 }
        let (files, databases) = (
            read.filter { !$0.key.hasPrefix("@data/") }, read.filter { $0.key.hasPrefix("@data/") }
        )
        #expect(difference(files, pulled) == nil)
        #expect(!files.isEmpty)
        #expect(
            try FileTimes.below(sandbox.path("\(name)/read")).filter { !$0.key.hasPrefix("@data/") }
                == FileTimes.below(sandbox.path("\(name)/pulled/storage")))
        for (path, image) in databases {
            // A pull puts this machine's paths and logins into a database; `cat` writes what is stored.
            let target = sandbox.path("\(name)/stored.db")
            let shell = try await machine.program(
                "/bin/sh", ["-c", "\"$0\" cat \"$1\" --at \"$2\" > \"$3\"", Sandbox.binary, path, id, target])
            try #require(shell.code == 0, "\(shell.err)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: target)) == image, "\(path)")
        }
    }

    @Test("It restores each snapshot of a directory as a pull does, byte for byte", arguments: ["v1", "v2"])
    func directory(_ schema: String) async throws {
        var random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            let home = try await AgentHome("agent", schema: schema, seed: random.next() % 1000, in: sandbox)
            let ids = try await history(home, rounds: 3, &random)
            let reader = EmergencyReader(sandbox)
            for id in ids { try await compare(id, reader, sandbox) }
            let verify = try await reader.run("verify", "--all")
            #expect(verify.code == 0, "seed \(random.seed): \(verify.out) \(verify.err)")
            let list = try await reader.run("list", "--json").json
            #expect(list["snapshots"].array?.map { $0["id"].string } == ids.reversed())
        }
    }

    @Test("It restores each snapshot of a bucket as a pull does", arguments: TestServerKind.selected)
    func bucket(_ kind: TestServerKind) async throws {
        var random = SeededGenerator.forTest()
        let server = try await TestServer.shared(kind)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server)
            let home = try await AgentHome("agent", schema: "v2", seed: random.next() % 1000, in: sandbox)
            let ids = try await history(home, rounds: 2, &random)
            let reader = EmergencyReader(sandbox)
            for id in ids { try await compare(id, reader, sandbox) }
            let verify = try await reader.run("verify", "--all")
            #expect(verify.code == 0, "seed \(random.seed): \(verify.out) \(verify.err)")
        }
    }

    @Test("It reads a merge of two machines, and what lost in it")
    func merge() async throws {
        try await Sandbox.run { sandbox in
            let (a, b) = (sandbox.machine("a"), sandbox.machine("b"))
            try sandbox.write("a/storage/shared", "first")
            try #require(try await a.holdfast("push").code == 0)
            try #require(try await b.holdfast("pull").code == 0)
            try sandbox.write("a/storage/shared", "by a")
            try sandbox.write("a/storage/of-a", "a")
            try sandbox.write("b/storage/shared", "by b, later")
            try sandbox.write("b/storage/of-b", "b")
            let later = Date(timeIntervalSinceNow: 10)
            try FileManager.default.setAttributes(
                [.modificationDate: later], ofItemAtPath: sandbox.path("a/storage/shared"))
            try #require(try await a.holdfast("push").code == 0)
            try #require(try await b.holdfast("push").code == 0)
            let reader = EmergencyReader(sandbox)
            let restored = try await reader.restore(to: "read").mapValues { String(decoding: $0, as: UTF8.self) }
            #expect(restored == ["shared": "by a", "of-a": "a", "of-b": "b"])
            let all = try await reader.run("list", "--all", "--json").json
            let ids = try #require(all["snapshots"].array).compactMap { $0["id"].string }
            var versions: Set<String> = []
            for (index, id) in ids.enumerated() {
                let files = try await reader.restore(id, to: "version-\(index)")
                versions.insert(String(decoding: files["shared"] ?? Data(), as: UTF8.self))
            }
            #expect(versions == ["first", "by a", "by b, later"])
            #expect(try await reader.run("verify", "--all").code == 0)
        }
    }

    @Test("It reads a memory of format 1, and so do pull and verify")
    func format1() async throws {
        let fixture = Project.folder.appendingPathComponent("Tests/Fixtures/memory-format-1")
        let expected = try JSONDecoder().decode(
            JSONValue.self, from: Data(contentsOf: fixture.appendingPathComponent("expected.json")))
        try await Sandbox.run { sandbox in
            try FileManager.default.copyItem(
                at: fixture.appendingPathComponent("memory"), to: sandbox.folder.appendingPathComponent("store"))
            var old = sandbox
            old.environment["HOLDFAST_STORE"] = "file://\(sandbox.path(""))"
            old.environment["HOLDFAST_PREFIX"] = "store"
            old.environment["HOLDFAST_REPO"] = "octo/website"
            let reader = EmergencyReader(old, memory: sandbox.path("store/local/octo-website"))
            #expect(try await reader.run("verify", "--all").code == 0)
            #expect(try await old.holdfast("verify", "--read-data").code == 0)
            let snapshots = try #require(expected["snapshots"].array)
            #expect(snapshots.count == 3)
            for snapshot in snapshots {
                let id = try #require(snapshot["id"].string)
                let files = try await reader.restore(id, to: "read-\(id.prefix(8))")
                let digests = files.mapValues { Hexadecimal.text(SHA256.hash(data: $0)) }
                #expect(digests == snapshot["files"].object?.compactMapValues(\.string))
                try await compare(id, reader, old)
            }
        }
    }

    @Test("A byte that changed anywhere in a pack is found, and a restore takes an older whole snapshot or none")
    func damage() async throws {
        var random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            try #require(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            let packs = sandbox.path("home/.local/share/holdfast/store/opencode-storage/local/owner-repo/packs")
            let before = Set(try FileManager.default.subpathsOfDirectory(atPath: packs))
            try sandbox.write("storage/a", "second")
            try #require(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            let new = try FileManager.default.subpathsOfDirectory(atPath: packs).filter {
                !before.contains($0) && $0.utf8.count > 60
            }
            let pack = URL(fileURLWithPath: packs).appendingPathComponent(try #require(new.first))
            let whole = try Data(contentsOf: pack)
            let reader = EmergencyReader(sandbox)
            for _ in 0..<6 {
                var bytes = whole
                let place = Int(random.next() % UInt64(bytes.count))
                bytes[place] ^= UInt8(1 << (random.next() % 8))
                try bytes.write(to: pack)
                let verify = try await reader.run("verify", "--all")
                #expect(verify.code == 2, "seed \(random.seed), byte \(place): \(verify.out) \(verify.err)")
            }
            try Data(whole.prefix(whole.count / 2)).write(to: pack)
            let restored = try await reader.restore(to: "older")
            #expect(restored == ["a": Data("first".utf8)])
            let asked = try await reader.run("restore", "--at", "latest", "--to", sandbox.path("asked"))
            #expect(asked.code != 0, "a damaged snapshot that was asked for: \(asked.out)")
            #expect(!sandbox.exists("asked"))
        }
    }

    @Test(
        "It never writes to a store and never follows a hostile path",
        arguments: ["../outside", "/absolute", "a/../../b"])
    func hostile(_ path: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/aaaaaaaaaa", "content")
            try #require(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            let memory = sandbox.path("home/.local/share/holdfast/store/opencode-storage/local/owner-repo")
            let forged = try await sandbox.program(
                Project.folder.appendingPathComponent(".venv/bin/python").path,
                [Project.folder.appendingPathComponent("Tests/Fixtures/forge-path.py").path, memory, path])
            try #require(forged.code == 0, "\(forged.err)")
            let before = try sandbox.tree("home/.local/share/holdfast/store")
            let run = try await EmergencyReader(sandbox).run(
                "restore", "--at", "latest", "--to", sandbox.path("out/inner"))
            #expect(run.code != 0, "\(run.out)")
            #expect(!run.err.contains("Traceback"), "\(run.err)")
            #expect(!sandbox.exists("out/outside") && !sandbox.exists("b") && !sandbox.exists("out/b"))
            #expect(try sandbox.tree("home/.local/share/holdfast/store") == before)
        }
    }
}
