import Foundation
import TestSupport
import Testing

@Suite("A pull where both sides have changed")
struct ConflictTests {
    /// Pushes a few files, so that both sides are known to be the same, and then lets the body change them.
    private func synchronised(_ body: (Sandbox) async throws -> Void) async throws {
        try await Sandbox.run { sandbox in
            for name in ["same", "here", "there", "both"] { try sandbox.write("storage/\(name)", "base") }
            try #require(try await sandbox.holdfast("push").code == 0)
            try await body(sandbox)
        }
    }

    @Test("What changed here only stays, what changed there only follows, what is here only stays")
    func oneSided() async throws {
        try await synchronised { sandbox in
            try sandbox.write("storage/here", "changed here")
            try sandbox.write("storage/only", "only here")
            try await sandbox.elsewhere(["there": "changed there", "new": "new there"])
            let run = try await sandbox.holdfast("pull", "--json")
            #expect(run.code == 0, "\(run.err)")
            #expect(try run.json["transferredObjects"].int == 2)
            #expect(try run.json["conflicts"] == .array([]))
            #expect(
                try sandbox.texts("storage") == [
                    "same": "base", "here": "changed here", "there": "changed there", "both": "base",
                    "only": "only here",
                    "new": "new there",
                ])
        }
    }

    @Test("What changed on both sides stops the pull before anything is touched", arguments: [[], ["--json"]])
    func bothSides(_ mode: [String]) async throws {
        try await synchronised { sandbox in
            try sandbox.write("storage/both", "changed here")
            try await sandbox.elsewhere(["both": "changed there, too", "there": "changed there"])
            let before = try sandbox.tree("storage")
            let run = try await sandbox.program(Sandbox.binary, ["pull"] + mode)
            #expect(run.code == 75)
            #expect(run.err.contains("'both'"))
            #expect(run.err.contains("nothing was touched"))
            #expect(run.err.contains("--merge"))
            #expect(try sandbox.tree("storage") == before)
            if mode.isEmpty {
                #expect(run.out == "")
            } else {
                #expect(try run.json["conflicts"] == .array([.string("both")]))
                #expect(try run.json["error"]["code"].string == "changed-on-both-sides")
                #expect(try run.json["success"].bool == false)
            }
        }
    }

    @Test("--merge takes the newer of the two", arguments: [true, false])
    func merge(localIsNewer: Bool) async throws {
        try await synchronised { sandbox in
            try await sandbox.elsewhere(["both": "changed there, too"])
            try sandbox.write("storage/both", "changed here")
            let time = Date(timeIntervalSinceNow: localIsNewer ? 3600 : -3600)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: sandbox.path("storage/both"))
            let run = try await sandbox.holdfast("pull", "--merge", "--json")
            #expect(run.code == 0, "\(run.err)")
            #expect(try sandbox.texts("storage")["both"] == (localIsNewer ? "changed here" : "changed there, too"))
        }
    }

    @Test("--force takes the store's, keeps what is replaced beside, and prints where")
    func force() async throws {
        try await synchronised { sandbox in
            try sandbox.write("storage/both", "changed here")
            try await sandbox.elsewhere(["both": "changed there, too"])
            let run = try await sandbox.holdfast("pull", "--force", "--json")
            #expect(run.code == 0, "\(run.err)")
            #expect(try sandbox.texts("storage")["both"] == "changed there, too")
            let kept = try #require(try run.json["replacedKeptAt"].string)
            #expect(kept.hasPrefix(sandbox.path("storage")))
            #expect(run.err.contains(kept))
            #expect(try String(contentsOfFile: kept + "/both", encoding: .utf8) == "changed here")
            // It is beside the storage directory, not in it: the next push does not store it.
            #expect(try await sandbox.holdfast("push", "--json").json["objectCount"].int == 4)
        }
    }

    @Test(
        "The first pull into a directory with other content stops, and with the same content does not",
        arguments: ["snapshots", "mirror alone"])
    func firstPull(_ memory: String) async throws {
        try await Sandbox.run { sandbox in
            if memory == "snapshots" {
                try await sandbox.elsewhere(["a": "there"])
            } else {
                try await sandbox.put("a", "there")
            }
            try sandbox.write("storage/a", "here")
            try sandbox.write("storage/b", "only here")
            let run = try await sandbox.holdfast("pull")
            #expect(run.code == 75)
            #expect(try sandbox.texts("storage") == ["a": "here", "b": "only here"])
            try sandbox.write("storage/a", "there")
            #expect(try await sandbox.holdfast("pull").code == 0)
            #expect(try sandbox.texts("storage") == ["a": "there", "b": "only here"])
        }
    }

    @Test("What one directory has synchronised says nothing of another one")
    func otherDirectory() async throws {
        try await Sandbox.run { sandbox in
            // Both are called `storage`, each from its own working directory.
            let script = #"cd "$1" && "$0" "$2" --storage storage"#
            try sandbox.write("one/storage/both", "one agent's")
            try sandbox.write("two/storage/both", "another agent's")
            let push = try await sandbox.program("/bin/sh", ["-c", script, Sandbox.binary, "one", "push"])
            #expect(push.code == 0)
            let pull = try await sandbox.program("/bin/sh", ["-c", script, Sandbox.binary, "two", "pull"])
            #expect(pull.code == 75)
            #expect(try sandbox.texts("two/storage") == ["both": "another agent's"])
        }
    }

    @Test("All of many conflicts are named")
    func many() async throws {
        try await Sandbox.run { sandbox in
            let names = (0..<8).map { "file\($0)" }
            try await sandbox.elsewhere(Dictionary(uniqueKeysWithValues: names.map { ($0, "there") }))
            for number in 0..<8 {
                try sandbox.write("storage/file\(number)", "here")
            }
            let run = try await sandbox.holdfast("pull")
            for number in 0..<8 { #expect(run.err.contains("file\(number)")) }
            #expect(run.err.contains("and 3 more"))
        }
    }

    @Test("--merge and --force exclude each other")
    func exclusive() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("pull", "--merge", "--force")
            #expect(run.code == 64)
        }
    }
}
