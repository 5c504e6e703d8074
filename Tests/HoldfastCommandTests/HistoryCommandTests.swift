import FileIO
import Foundation
import Repository
import TestSupport
import Testing

@Suite("Looking at snapshots", .serialized)
struct HistoryCommandTests {
    /// Three snapshots: `a` and `dir/b`; then another `a`; then `dir/c` in place of `dir/b`. The oldest first.
    private func history(_ sandbox: Sandbox) async throws -> [Snapshot] {
        try sandbox.write("storage/a", "first")
        try sandbox.write("storage/dir/b", "b")
        let run = Commit.Run(id: "4711", attempt: "2", workflow: "agent", ref: "refs/heads/main")
        var snapshots = [try await sandbox.snapshot(run: run, writer: "runner:7")]
        try sandbox.write("storage/a", "second one")
        snapshots.append(try await sandbox.snapshot())
        try sandbox.remove("storage/dir/b")
        try sandbox.write("storage/dir/c", "cc")
        snapshots.append(try await sandbox.snapshot())
        return snapshots
    }

    @Test("log lists the snapshots, the newest first")
    func log() async throws {
        try await Sandbox.run { sandbox in
            let snapshots = try await history(sandbox)
            let run = try await sandbox.holdfast("log")
            #expect(run.code == 0, "\(run.err)")
            #expect(run.err == "")
            let lines = run.out.split(separator: "\n")
            try #require(lines.count == 4)
            #expect(lines[0].hasPrefix("SNAPSHOT      TIME "))
            #expect(lines[1].hasPrefix(snapshots[2].shortID))
            #expect(lines[1].hasSuffix("  head"))
            #expect(lines[3].contains("4711/2  runner:7      2   6 B"))
            #expect(lines[2].contains("  \(snapshots[0].shortID)"))

            let json = try await sandbox.holdfast("log", "--json").json
            let entries = try #require(json["snapshots"].array)
            #expect(entries.map { $0["id"].string } == snapshots.reversed().map(\.id.hexadecimal))
            #expect(entries.map { $0["head"].bool } == [true, false, false])
            #expect(entries[0]["parents"].array?.map(\.string) == [snapshots[1].id.hexadecimal])
            #expect(entries[0]["run"].isNull)
            #expect(entries[0].object?.keys.contains("run") == true)
            #expect(entries[2]["run"]["attempt"].string == "2")
            #expect(entries[2]["files"].int == 2)
            #expect(entries[2]["bytes"].int == 6)
            #expect(json["damaged"].array == [])

            let limited = try await sandbox.holdfast("log", "--json", "--limit", "1").json
            #expect(limited["snapshots"].array?.map { $0["seq"].int } == [3])
            #expect(try await sandbox.holdfast("log", "--limit", "0").code == 64)
        }
    }

    @Test("log shows heads beside each other, and what cannot be read")
    func forks() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            let first = try await sandbox.snapshot()
            try sandbox.write("storage/a", "by one")
            try await sandbox.fork { try sandbox.write("storage/a", "by the other") }
            let run = try await sandbox.holdfast("log")
            #expect(run.out.contains("  another head\n"))
            #expect(run.err == "2 heads: the next push merges them\n")
            let json = try await sandbox.holdfast("log", "--json").json
            #expect(json["snapshots"].array?.map { $0["head"].bool } == [true, true, false])
            #expect(try await sandbox.holdfast("status", "--json").json["heads"].int == 2)

            let commit = "home/.local/share/holdfast/store/opencode-storage/local/owner-repo/commits/\(first.name)"
            try sandbox.write(commit, "{}")
            let damaged = try await sandbox.holdfast("log", "--json")
            #expect(damaged.code == 0)
            #expect(try damaged.json["damaged"].array?.map { $0["commit"].string } == [first.name.description])
            #expect(damaged.err.contains("run holdfast verify"))
        }
    }

    @Test("log shows what one side of a merge had only with --all")
    func sides() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            #expect(try await sandbox.holdfast("push").code == 0)
            try sandbox.write("storage/a", "by the other, later")
            try await sandbox.snapshot()
            try sandbox.write("storage/a", "mine")
            let past = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)]
            try FileManager.default.setAttributes(past, ofItemAtPath: sandbox.path("storage/a"))
            #expect(try await sandbox.holdfast("push").code == 0)

            let shown = try await sandbox.holdfast("log", "--json").json["snapshots"].array ?? []
            // A script sees both sides in any case.
            #expect(shown.map { $0["seq"].int } == [3, 2, 2, 1])
            #expect(shown.map { $0["side"].bool } == [false, false, true, false])
            let all = try await sandbox.holdfast("log", "--json", "--all").json["snapshots"].array ?? []
            #expect(all.map { $0["seq"].int } == [3, 2, 2, 1])
            let side = try #require(all.first { $0["side"].bool == true })
            #expect(shown[0]["sides"].array == [side["id"]])
            #expect(side["head"].bool == false)
            #expect(try await sandbox.holdfast("log").out.split(separator: "\n").count == 4)
            let lines = try await sandbox.holdfast("log", "--all").out.split(separator: "\n")
            #expect(lines.count == 5)
            #expect(lines.count { $0.contains("side, state before a merge") } == 1)
            // One that is asked for counts those that are shown.
            let limited = try await sandbox.holdfast("log", "--json", "--limit", "3").json["snapshots"].array
            #expect(limited?.map { $0["seq"].int } == [3, 2, 2])
            let old = try #require(side["id"].string)
            #expect(try await sandbox.holdfast("cat", "a", "--at", old).out == "mine")
        }
    }

    @Test(
        "A memory without snapshots is told in one line, and is no failure",
        arguments: ["log", "status", "verify", "ls"])
    func empty(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast(command)
            #expect(run.code == 0)
            #expect(run.err.split(separator: "\n").count == 1)
            #expect(run.err.contains("opencode-storage/local/owner-repo"))
            #expect(try await sandbox.holdfast(command, "--json").json["success"].bool == true)
        }
    }

    @Test("diff shows what was added, changed and removed")
    func diff() async throws {
        try await Sandbox.run { sandbox in
            let snapshots = try await history(sandbox)
            let run = try await sandbox.holdfast("diff", "latest~2")
            #expect(run.code == 0, "\(run.err)")
            #expect(
                run.out == """
                    ~  5 B → 10 B  a
                    -         1 B  dir/b
                    +         2 B  dir/c
                    \(snapshots[0].shortID) to \(snapshots[2].shortID): 1 added, 1 changed, 1 removed

                    """)
            let json = try await sandbox.holdfast(
                "diff", snapshots[2].shortID, String(snapshots[0].id.hexadecimal.prefix(8)), "--json"
            ).json
            #expect(json["added"].array == [.object(["path": .string("dir/b"), "size": .number(1)])])
            #expect(json["removed"].array == [.object(["path": .string("dir/c"), "size": .number(2)])])
            #expect(json["changed"].array?.first?["oldSize"].int == 10)
            #expect(json["changed"].array?.first?["newSize"].int == 5)
            #expect(json["from"].string == snapshots[2].id.hexadecimal)

            let none = try await sandbox.holdfast("diff", "latest", "--json").json
            #expect(none["added"].array == [] && none["changed"].array == [] && none["removed"].array == [])
        }
    }

    @Test("A snapshot that does not exist is a failure with a hint", arguments: ["diff", "rollback", "ls", "cat"])
    func noSuchSnapshot(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            _ = try await sandbox.snapshot()
            for name in ["latest~1", "latest~x", "0000000000", "né"] {
                let arguments = ["ls": ["--at", name], "cat": ["a", "--at", name]][command] ?? [name]
                let run = try await sandbox.program(Sandbox.binary, [command, "--json"] + arguments)
                #expect(run.code == 1)
                #expect(try run.json["error"]["code"].string == "no-such-snapshot")
                #expect(try run.json["error"]["hint"].string != nil)
            }
        }
    }

    @Test("ls lists the files of a snapshot, also of an older one and below a path")
    func list() async throws {
        try await Sandbox.run { sandbox in
            let snapshots = try await history(sandbox)
            let run = try await sandbox.holdfast("ls", "--at", "latest~1")
            #expect(run.code == 0, "\(run.err)")
            let lines = run.out.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines.first?.wholeMatch(of: #/     10 B  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  a/#) != nil, "\(run.out)")
            let json = try await sandbox.holdfast("ls", "dir/", "--json").json
            #expect(json["objects"].array?.map { $0["path"].string } == ["dir/c"])
            #expect(json["objectCount"].int == 1)
            #expect(json["totalBytes"].int == 2)
            #expect(json["source"].string == "snapshot")
            #expect(json["snapshot"].string == snapshots[2].id.hexadecimal)
            #expect(json["objects"].array?.first?["sha256"].string?.utf8.count == 64)
            #expect(json["objects"].array?.first?["etag"].isNull == true)
        }
    }

    @Test("ls lists the mirror view where there is no snapshot, and says so")
    func listMirror() async throws {
        try await Sandbox.run { sandbox in
            try await sandbox.put("session/a", "abc")
            try await sandbox.put("b", "b")
            let run = try await sandbox.holdfast("ls", "session/")
            #expect(run.out == "      3 B  session/a\n")
            #expect(run.err == "no snapshot yet: these are the objects of the mirror view\n")
            #expect(try await sandbox.holdfast("ls", "--source", "snapshot").out == "")
            try sandbox.write("storage/here", "here")
            _ = try await sandbox.snapshot()
            #expect(try await sandbox.holdfast("ls", "--json").json["objectCount"].int == 1)
            let mirror = try await sandbox.holdfast("ls", "--source", "mirror", "--json")
            #expect(try mirror.json["source"].string == "mirror")
            #expect(try mirror.json["objectCount"].int == 2)
            #expect(mirror.err == "")
            #expect(try await sandbox.holdfast("ls", "--source", "mirror", "--at", "latest").code == 64)
        }
    }

    @Test("cat prints a file byte by byte, whatever is in it")
    func cat() async throws {
        try await Sandbox.run { sandbox in
            let bytes = Data((0..<3_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 / 7) })
            try sandbox.write("storage/large", bytes)
            try sandbox.write("storage/empty", "")
            try sandbox.write("storage/text", "AKIAIOSFODNN7EXAMPLE\r\nno line end")
            _ = try await sandbox.snapshot()
            for (name, expected) in [
                ("large", bytes), ("empty", Data()), ("text", Data("AKIAIOSFODNN7EXAMPLE\r\nno line end".utf8)),
            ] {
                let script = "\(Sandbox.binary) cat \(name) > printed"
                let run = try await sandbox.program("/bin/sh", ["-c", script])
                #expect(run.code == 0)
                #expect(run.err == "")
                #expect(try Data(contentsOf: sandbox.folder.appendingPathComponent("printed")) == expected)
            }
            let json = try await sandbox.holdfast("cat", "text", "--json").json
            #expect(
                json["base64"].string.flatMap { Data(base64Encoded: $0) }
                    == Data("AKIAIOSFODNN7EXAMPLE\r\nno line end".utf8))
            #expect(json["size"].int == 33)
        }
    }

    @Test("cat takes the file as it was in an older snapshot")
    func catOlder() async throws {
        try await Sandbox.run { sandbox in
            let snapshots = try await history(sandbox)
            #expect(try await sandbox.holdfast("cat", "a").out == "second one")
            #expect(try await sandbox.holdfast("cat", "a", "--at", snapshots[0].shortID).out == "first")
            #expect(try await sandbox.holdfast("cat", "dir/b", "--at", "latest~1").out == "b")
        }
    }

    @Test("cat is no crash where the reader goes away or the disk is full")
    func catCut() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/large", Data(repeating: 7, count: 6_000_000))
            _ = try await sandbox.snapshot()
            let script = "\(Sandbox.binary) cat large | head -c 3; echo ${PIPESTATUS[0]}"
            let cut = try await sandbox.program("/bin/bash", ["-c", script])
            #expect(cut.out == "\u{7}\u{7}\u{7}0\n")
            #expect(cut.err == "")
            let full = try await sandbox.program("/bin/sh", ["-c", "\(Sandbox.binary) cat large > /dev/full"])
            #expect(full.code == 1)
            #expect(full.err.contains("standard output"))
        }
    }

    @Test("cat of a file that is not there names those that may be meant")
    func catMissing() async throws {
        try await Sandbox.run { sandbox in
            _ = try await history(sandbox)
            let expected = [
                ("c", "Did you mean 'dir/c'"), ("dir/cc", "Did you mean 'dir/c'"), ("dir", "holdfast ls 'dir/'"),
                ("../dir/c", "Did you mean 'dir/c'"), ("nothing/like/it", "holdfast ls lists"),
            ]
            for (path, hint) in expected {
                let run = try await sandbox.holdfast("cat", path)
                #expect(run.code == 1)
                #expect(run.out == "")
                #expect(run.err.contains(hint), "\(path): \(run.err)")
            }
            let json = try await sandbox.holdfast("cat", "no", "--json").json
            #expect(json["error"]["code"].string == "no-such-file")
        }
    }

    @Test("status tells what is here from what is in the store")
    func status() async throws {
        try await Sandbox.run { sandbox in
            let snapshots = try await history(sandbox)
            // Only what this machine is known to have had can be removed here.
            #expect(try await sandbox.holdfast("pull").code == 0)
            let same = try await sandbox.holdfast("status", "--json").json
            #expect(same["snapshot"]["id"].string == snapshots[2].id.hexadecimal)
            #expect(same["local"]["identical"].bool == true)
            #expect(same["heads"].int == 1)
            #expect((0..<600).contains(try #require(same["snapshot"]["ageSeconds"].number)))
            #expect(same.object?.keys.contains("newerInStore") == true)
            #expect(try await sandbox.holdfast("status").out.contains("the same as the newest snapshot"))

            // Of the same size, so only the content tells.
            try sandbox.write("storage/a", "SECOND ONE")
            try sandbox.remove("storage/dir/c")
            for number in 0..<12 { try sandbox.write("storage/new/\(number)", "new") }
            try sandbox.write("storage/auth.json", "never stored")
            let json = try await sandbox.holdfast("status", "--json").json["local"]
            #expect(json["identical"].bool == false)
            #expect(json["changed"].array?.map { $0["path"].string } == ["a"])
            #expect(json["removed"].array?.map { $0["path"].string } == ["dir/c"])
            #expect(json["added"].array?.count == 12)
            let text = try await sandbox.holdfast("status")
            #expect(text.out.contains("12 added, 1 changed, 1 removed here"))
            #expect(text.out.contains("… and 4 more"))
            #expect(try await sandbox.holdfast("status", "-v").out.contains("new/9"))

            try sandbox.remove("storage")
            let gone = try await sandbox.holdfast("status", "--json").json["local"]
            #expect(gone["exists"].bool == false)
            #expect(gone["removed"].array?.count == 2)
        }
    }

    @Test("status knows what this machine has pushed, and whether the store has something newer")
    func statusAfterPush() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "first")
            #expect(try await sandbox.holdfast("push").code == 0)
            let pushed = try await sandbox.holdfast("status", "--json").json
            #expect(pushed["synchronised"].string == pushed["snapshot"]["id"].string)
            #expect(pushed["synchronised"].string != nil)
            #expect(pushed["newerInStore"].bool == false)
            #expect(pushed["local"]["identical"].bool == true)

            try sandbox.write("storage/b", "by another machine")
            _ = try await sandbox.snapshot()
            let newer = try await sandbox.holdfast("status", "--json").json
            #expect(newer["newerInStore"].bool == true)
            #expect(newer["synchronised"].string == pushed["synchronised"].string)
            #expect(try await sandbox.holdfast("status").out.contains("the store has a newer one"))
        }
    }
}
