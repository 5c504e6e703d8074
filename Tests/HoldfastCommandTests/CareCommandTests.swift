import ArgumentParser
import FileIO
import Foundation
import Repository
import TestSupport
import Testing

@testable import HoldfastCommand

@Suite("Verifying, pruning and rolling back", .serialized)
struct CareCommandTests {
    private static let memory = "home/.local/share/holdfast/store/opencode-storage/local/owner-repo"

    private func pack(_ snapshot: Snapshot) -> String {
        let name = snapshot.commit.manifest.pack.hexadecimal
        return "\(Self.memory)/packs/\(name.prefix(2))/\(name)"
    }

    @Test("verify says that all is whole, and what it did not look at")
    func whole() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            _ = try await sandbox.snapshot()
            let quick = try await sandbox.holdfast("verify")
            #expect(quick.code == 0)
            #expect(quick.out.contains("1 snapshot, 1 pack ("))
            #expect(quick.out.contains("--read-data"))
            let run = try await sandbox.holdfast("verify", "--read-data", "--json")
            #expect(run.code == 0)
            #expect(run.err == "")
            #expect(try run.json["success"].bool == true)
            #expect(try run.json["wholeSnapshots"].int == 1)
            #expect(try run.json["damages"].array == [])
            #expect(try run.json["error"].isNull)
        }
    }

    @Test("verify names damage with the snapshots and files it hurts, and exits with 2")
    func damage() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/session/a", "the content of a")
            let first = try await sandbox.snapshot()
            try sandbox.write("storage/b", "the content of b")
            let second = try await sandbox.snapshot()
            try sandbox.remove("storage/session")
            let third = try await sandbox.snapshot()

            var bytes = try Data(contentsOf: sandbox.folder.appendingPathComponent(pack(first)))
            bytes[30] ^= 4
            try sandbox.write(pack(first), bytes)
            #expect(try await sandbox.holdfast("verify").code == 0)
            let run = try await sandbox.holdfast("verify", "--read-data")
            #expect(run.code == 2)
            #expect(run.out.contains("its SHA-256 is not its name"))
            #expect(run.out.contains("hurts 2 snapshots (\(second.shortID), \(first.shortID)), 1 file (session/a)"))
            #expect(run.err.contains("1 object is damaged; 1 of 3 readable snapshots can be restored whole"))

            try sandbox.remove(pack(second))
            let json = try await sandbox.holdfast("verify", "--json")
            #expect(json.code == 2)
            #expect(try json.json["success"].bool == false)
            #expect(try json.json["error"]["code"].string == "damaged")
            let damage = try #require(try json.json["damages"].array?.first)
            #expect(damage["reason"].string == "it does not exist")
            #expect(damage["snapshots"].array?.map(\.string) == [third.shortID, second.shortID])
        }
    }

    @Test("rollback makes an older state the newest, and a second time there is nothing to do")
    func rollback() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            try sandbox.write("storage/b", "b")
            let first = try await sandbox.snapshot()
            try sandbox.write("storage/a", "second")
            try sandbox.remove("storage/b")
            try sandbox.write("storage/c", "c")
            _ = try await sandbox.snapshot()

            let run = try await sandbox.holdfast("rollback", "latest~1", "--json", with: ["GITHUB_RUN_ID": "99"])
            #expect(run.code == 0, "\(run.err)")
            #expect(try run.json["isNew"].bool == true)
            #expect(try run.json["rolledBackTo"].string == first.id.hexadecimal)
            #expect(try await sandbox.holdfast("diff", first.shortID).out.contains("0 added, 0 changed, 0 removed"))
            #expect(try await sandbox.holdfast("cat", "a").out == "first")
            let newest = try #require(try await sandbox.holdfast("log", "--json").json["snapshots"].array?.first)
            #expect(newest["id"].string == (try run.json["snapshot"].string))
            #expect(newest["seq"].int == 3)
            #expect(newest["note"].string == "rollback to \(first.shortID)")
            #expect(newest["run"]["id"].string == "99")
            #expect(newest["writer"].string?.contains(":") == true)
            // The new snapshot lists the old packs with their sizes.
            #expect(try await sandbox.holdfast("verify", "--read-data").code == 0)

            let again = try await sandbox.holdfast("rollback", first.shortID)
            #expect(again.code == 0)
            #expect(again.out.hasPrefix("Nothing to do"))
            #expect(try await sandbox.holdfast("log", "--json").json["snapshots"].array?.count == 3)
        }
    }

    @Test("rollback with two heads brings the old state alone, and keeps both in the history")
    func rollbackForks() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            let first = try await sandbox.snapshot()
            try sandbox.write("storage/b", "by one")
            try await sandbox.fork {
                try sandbox.remove("storage/b")
                try sandbox.write("storage/c", "by the other")
            }
            let run = try await sandbox.holdfast("rollback", first.shortID)
            #expect(run.code == 0, "\(run.err)")
            #expect(try await sandbox.holdfast("diff", first.shortID).out.contains("0 added, 0 changed, 0 removed"))
            let log = try await sandbox.holdfast("log", "--json").json["snapshots"].array ?? []
            #expect(
                log.filter { $0["side"].bool == false }.map { $0["head"].bool } == [true, false, false, false, false])
            let merged = try await sandbox.holdfast("ls", "--at", "latest~1", "--json").json["objects"].array
            #expect(merged?.map { $0["path"].string } == ["a", "b", "c"])
        }
    }

    @Test("rollback refuses a snapshot that misses a pack")
    func rollbackDamaged() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            let first = try await sandbox.snapshot()
            try sandbox.write("storage/b", "b")
            _ = try await sandbox.snapshot()
            try sandbox.write("storage/a", "second")
            _ = try await sandbox.snapshot()
            try sandbox.remove(pack(first))
            let run = try await sandbox.holdfast("rollback", "latest~1", "--json")
            #expect(run.code == 1)
            #expect(try run.json["error"]["code"].string == "damaged")
            #expect(try await sandbox.holdfast("log", "--json").json["snapshots"].array?.count == 3)
        }
    }

    @Test("prune removes old snapshots, and does not with --dry-run")
    func prune() async throws {
        try await Sandbox.run { sandbox in
            for number in 1...4 {
                try sandbox.write("storage/a", "content \(number)")
                _ = try await sandbox.snapshot()
            }
            let arguments = ["--keep-last", "2", "--keep-within", "0s", "--grace", "0s"]
            let dry = try await sandbox.program(Sandbox.binary, ["prune", "--dry-run", "--json"] + arguments)
            #expect(dry.code == 0, "\(dry.err)")
            #expect(try dry.json["dryRun"].bool == true)
            #expect(try dry.json["removedSnapshots"].array?.count == 2)
            #expect(try dry.json["keptSnapshots"].int == 2)
            #expect(dry.err.contains("warning: with a grace of less than 1h"))
            #expect(try await sandbox.holdfast("log", "--json").json["snapshots"].array?.count == 4)

            let run = try await sandbox.program(Sandbox.binary, ["prune"] + arguments)
            #expect(run.code == 0, "\(run.err)")
            #expect(run.out.hasPrefix("2 snapshots kept, 2 removed: "))
            #expect(try await sandbox.holdfast("log", "--json").json["snapshots"].array?.count == 2)
            #expect(try await sandbox.holdfast("verify", "--read-data").code == 0)
            #expect(try await sandbox.holdfast("prune").err == "")
        }
    }

    @Test(
        "Times that make no sense are wrong usage",
        arguments: ["", "30", "d", "-1d", "1.5h", "30 d", "9999999999999999999d", "99999w1"])
    func nonsense(_ text: String) async throws {
        #expect(throws: ValidationError.self) { try TimeSpan(text) }
        try await Sandbox.run { sandbox in
            for option in ["--keep-within", "--grace"] {
                let run = try await sandbox.program(Sandbox.binary, ["prune", option + "=" + text])
                #expect(run.code == 64)
            }
        }
    }

    @Test(
        "Times are read with their unit",
        arguments: [("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000), ("4w", 2_419_200), ("0s", 0)])
    func times(_ text: String, _ seconds: Int) throws {
        #expect(try TimeSpan(text).seconds == seconds)
    }
}
