import Foundation
import Glibc
import ObjectStore
import TestSupport
import Testing

@Suite("Push and pull of snapshots")
struct PushPullTests {
    private func write(_ sandbox: Sandbox, _ numbers: Range<Int>, _ content: String = "content") throws {
        for number in numbers { try sandbox.write("storage/\(number)", "\(content) \(number)") }
    }

    /// The keys of the memory, without its prefix.
    private func keys(_ sandbox: Sandbox, _ part: String = "") async throws -> [String] {
        let memory = sandbox.mirrorPrefix.dropLast("storage/".count)
        return try await sandbox.withStore { store in
            try await store.list(prefix: memory + part).collect().map { String($0.key.text.dropFirst(memory.count)) }
        }
    }

    @Test("A push and a pull say how many files they removed, the last one, too", arguments: [2, 0])
    func removed(left: Int) async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<3)
            #expect(try await sandbox.holdfast("push").code == 0)
            let other = sandbox.machine("b")
            #expect(try await other.holdfast("pull").code == 0)
            for number in left..<3 { try sandbox.remove("storage/\(number)") }
            for run in [
                try await sandbox.holdfast("push", "--allow-shrink"),
                try await other.holdfast("pull", "--allow-shrink"),
            ] {
                #expect(run.code == 0, "\(run.err)")
                #expect(run.out.contains("\(3 - left) removed"), "\(run.out)")
                #expect(!run.out.contains("does not exist") && !run.out.contains("starting fresh"), "\(run.out)")
            }
        }
    }

    @Test(
        "Of a state that lost most of its files, what is new is saved, and the message has both numbers",
        arguments: [7, 0])
    func shrink(left: Int) async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<20)
            #expect(try await sandbox.holdfast("push").code == 0)
            for number in left..<20 { try sandbox.remove("storage/\(number)") }
            try sandbox.write("storage/new", "new")
            for _ in 0..<2 {
                let held = try await sandbox.holdfast("push", "--json")
                #expect(held.code == 75)
                #expect(try held.json["error"]["code"].string == "shrinks")
                #expect(try held.json["objectCount"].int == 21)
                #expect(try held.json["removed"].int == 0)
                #expect(try held.json["heldBack"]["files"]["removed"].int == 20 - left)
                #expect(held.err.contains("\(20 - left) of 2"))
                #expect(held.err.contains("--allow-shrink"))
            }
            let allowed = try await sandbox.holdfast("push", "--allow-shrink", "--json")
            #expect(allowed.code == 0)
            #expect(try allowed.json["objectCount"].int == left + 1)
            #expect(try allowed.json["removed"].int == 20 - left)
        }
    }

    @Test(
        "Removals go through by the option, the variable and the config file, in both directions",
        arguments: ["option", "variable", "file", "no option"])
    func allowShrink(_ way: String) async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<12)
            #expect(try await sandbox.holdfast("push").code == 0)
            let second = sandbox.machine("second")
            #expect(try await second.holdfast("pull").code == 0)
            for number in 0..<12 { try sandbox.remove("storage/\(number)") }
            try sandbox.write("config.yaml", "allow-shrink: true\n")
            var option = "--json"
            var variables: [String: String?] = [:]
            switch way {
            case "option": option = "--allow-shrink"
            case "variable": variables["HOLDFAST_ALLOW_SHRINK"] = "true"
            case "file": option = "--config=\(sandbox.path("config.yaml"))"
            default: (option, variables["HOLDFAST_ALLOW_SHRINK"]) = ("--no-allow-shrink", "true")
            }
            let expected: Int32 = way == "no option" ? 75 : 0
            let push = try await sandbox.holdfast("push", option, with: variables)
            #expect(push.code == expected, "\(push.err)")
            if expected != 0 { #expect(try await sandbox.holdfast("push", "--allow-shrink").code == 0) }
            let held = try await second.holdfast("pull", "--json")
            #expect(held.code == 75)
            #expect(held.err.contains("12 of 12"))
            #expect(try second.texts("second/storage").count == 12)
            let pull = try await second.holdfast("pull", option, "-q", "--json", with: variables)
            #expect(pull.code == expected, "\(pull.err)")
            #expect(try pull.json["removed"].int == (expected == 0 ? 12 : 0))
        }
    }

    @Test("What others have added since the last synchronisation is not missing here")
    func noShrink() async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<4)
            #expect(try await sandbox.holdfast("push").code == 0)
            try await sandbox.elsewhere(Dictionary(uniqueKeysWithValues: (10..<40).map { ("\($0)", "there") }))
            try sandbox.write("storage/0", "changed here")
            try sandbox.remove("storage/1")
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0, "\(push.err)")
            #expect(try push.json["objectCount"].int == 33)
            #expect(try push.json["merged"].bool == true)
        }
    }

    @Test("A push of an unchanged state costs one request and makes no commit")
    func unchanged() async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<5)
            #expect(try await sandbox.holdfast("push").code == 0)
            let before = try await keys(sandbox)
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0)
            #expect(try push.json["requests"].int == 1)
            #expect(try push.json["transferredBytes"].int == 0)
            #expect(try push.json["objectCount"].int == 5)
            #expect(try await keys(sandbox) == before)
        }
    }

    @Test(
        "--no-mirror leaves no keys in storage/, and a push is five requests",
        arguments: ["--no-mirror", "environment"])
    func noMirror(_ way: String) async throws {
        try await Sandbox.run { sandbox in
            var sandbox = sandbox
            if way == "environment" { sandbox.environment["HOLDFAST_MIRROR"] = "false" }
            let options = way == "environment" ? ["push", "--json"] : ["push", "--json", "--no-mirror"]
            try write(sandbox, 0..<50)
            #expect(try await sandbox.program(Sandbox.binary, options).code == 0)
            try write(sandbox, 10..<30, "changed")
            let push = try await sandbox.program(Sandbox.binary, options)
            #expect(push.code == 0)
            #expect(try push.json["transferredObjects"].int == 20)
            // The newest snapshot, its packs, the new pack, the commit, and the look whether it is the newest now.
            #expect(try push.json["requests"].int == 5)
            let names = try await keys(sandbox)
            #expect(names.allSatisfy { $0.hasPrefix("packs/") || $0.hasPrefix("commits/") }, "\(names)")
            // With the mirror again, it is completed.
            #expect(try await sandbox.holdfast("push", "--mirror").code == 0)
            #expect(try await keys(sandbox, "storage/").count == 50)
        }
    }

    @Test("The first push adopts a memory that has only a mirror view, and loses nothing of it")
    func adoption() async throws {
        try await Sandbox.run { sandbox in
            let there = ["same": "same", "other": "theirs", "theirs": "only there"]
            for (name, content) in there { try await sandbox.put(name, content) }
            for (name, content) in ["same": "same", "other": "ours", "ours": "only here"] {
                try sandbox.write("storage/\(name)", content)
            }
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0, "\(push.err)")
            #expect(try push.json["objectCount"].int == 4)
            #expect(try push.json["mergeConflicts"] == .array([.string("other")]))
            #expect(try await keys(sandbox, "storage/") == ["other", "ours", "same", "theirs"].map { "storage/\($0)" })

            let now = sandbox.machine("now")
            #expect(try await now.holdfast("pull").code == 0)
            let merged = try sandbox.texts("now/storage")
            // Ours was written later.
            #expect(merged == ["same": "same", "other": "ours", "ours": "only here", "theirs": "only there"])
            let then = sandbox.machine("then")
            #expect(try await then.holdfast("pull", "--at", "latest~1").code == 0)
            #expect(try sandbox.texts("then/storage") == there)
        }
    }

    @Test(
        "The memory of another repository with the same key is refused, with both names", arguments: ["push", "pull"])
    func otherRepository(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            #expect(try await sandbox.holdfast("push", "--repo", "a/b-c").code == 0)
            let before = try sandbox.tree("home/.local/share/holdfast/store")
            for machine in [sandbox, sandbox.machine("other")] {
                let run = try await machine.holdfast(command, "--repo", "a-b/c", "--json")
                #expect(run.code == 1)
                #expect(try run.json["error"]["code"].string == "wrong-repository")
                #expect(run.err.contains("'a/b-c'"))
                #expect(run.err.contains("'a-b/c'"))
            }
            #expect(try sandbox.tree("home/.local/share/holdfast/store") == before)
            #expect(!sandbox.exists("other/storage"))
        }
    }

    @Test("pull --at brings an older snapshot here, and a name that none has is an error")
    func older() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "one")
            let first = try #require(try await sandbox.holdfast("push", "--json").json["snapshot"].string)
            try sandbox.write("storage/a", "the second")
            try sandbox.write("storage/b", "new")
            #expect(try await sandbox.holdfast("push").code == 0)
            for name in [first, String(first.prefix(8)), "latest~1"] {
                let pull = try await sandbox.holdfast("pull", "--at", name, "--json")
                #expect(pull.code == 0, "\(pull.err)")
                #expect(try pull.json["snapshot"].string == first)
                #expect(try sandbox.texts("storage") == ["a": "one"])
                #expect(try await sandbox.holdfast("pull", "--at", "latest").code == 0)
                #expect(try sandbox.texts("storage") == ["a": "the second", "b": "new"])
            }
            for name in ["ffffffff", "latest~2", "nonsense"] {
                let pull = try await sandbox.holdfast("pull", "--at", name, "--json")
                #expect(pull.code == 1)
                #expect(try pull.json["error"]["code"].string == "no-such-snapshot")
            }
            #expect(try await sandbox.holdfast("pull", "--at", first, "--source", "mirror").code == 64)
            #expect(try sandbox.texts("storage") == ["a": "the second", "b": "new"])
        }
    }

    @Test("pull --source mirror takes the mirror view, whatever the snapshots say")
    func fromMirror() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "pushed")
            #expect(try await sandbox.holdfast("push").code == 0)
            try await sandbox.put("b", "by another tool")
            let other = sandbox.machine("other")
            #expect(try await other.holdfast("pull").code == 0)
            #expect(try sandbox.texts("other/storage") == ["a": "pushed"])
            let pull = try await other.holdfast("pull", "--source", "mirror", "--json")
            #expect(pull.code == 0)
            #expect(try pull.json["snapshot"].isNull == true)
            #expect(try sandbox.texts("other/storage") == ["a": "pushed", "b": "by another tool"])
        }
    }

    @Test(
        "If the newest snapshot is damaged, the one before it is taken, with a warning that names the damage",
        arguments: ["commit", "manifest", "content", "missing pack"])
    func damaged(_ what: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "one")
            let first = try await sandbox.holdfast("push", "--json", "--no-mirror").json["snapshot"]
            let old = Set(try await keys(sandbox))
            try sandbox.write("storage/a", "the second")
            try sandbox.write("storage/b", "new")
            #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            let added = try await keys(sandbox).filter { !old.contains($0) }
            let name = try #require(added.first { $0.hasPrefix(what == "commit" ? "commits/" : "packs/") })
            let file = "home/.local/share/holdfast/store/opencode-storage/local/owner-repo/\(name)"
            if what == "missing pack" {
                try sandbox.remove(file)
            } else {
                var bytes = try #require(try sandbox.tree(String(file.dropLast(name.count)))[name] ?? nil)
                // Behind the head of the pack is content, at its end the root of the manifest.
                let place = what == "content" ? 30 : bytes.count - 5
                bytes[bytes.startIndex + place] ^= 0xFF
                try sandbox.write(file, bytes)
            }
            let other = sandbox.machine("other")
            let pull = try await other.holdfast("pull", "--json")
            #expect(pull.code == 0, "\(pull.err)")
            #expect(try pull.json["snapshot"] == first)
            #expect(try sandbox.texts("other/storage") == ["a": "one"])
            let warnings = try #require(try pull.json["warnings"].array)
            #expect(warnings.count == 1)
            #expect(warnings.first?.string?.contains(name) == true)
            #expect(pull.err.contains("warning: "))

            // The machine that has the newer state keeps it, and saves it again.
            try sandbox.write("storage/mine", "mine")
            let here = try await sandbox.holdfast("pull", "--json")
            #expect(here.code == 0, "\(here.err)")
            #expect(try sandbox.texts("storage") == ["a": "the second", "b": "new", "mine": "mine"])
            #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            // Nothing tells that content is damaged but reading it: what is not here is looked for there.
            guard what != "content", what != "missing pack" else { return }
            let fresh = sandbox.machine("fresh")
            #expect(try await fresh.holdfast("pull").code == 0)
            #expect(try sandbox.texts("fresh/storage") == ["a": "the second", "b": "new", "mine": "mine"])
        }
    }

    @Test("If no snapshot can be read, the pull fails and touches nothing")
    func allDamaged() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "one")
            #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            for name in try await keys(sandbox, "commits/") {
                try sandbox.write("home/.local/share/holdfast/store/opencode-storage/local/owner-repo/\(name)", "{}")
            }
            let pull = try await sandbox.machine("other").holdfast("pull", "--json")
            #expect(pull.code == 1)
            #expect(try pull.json["error"]["code"].string == "damaged")
            #expect(try pull.json["error"]["hint"].string?.contains("--source mirror") == true)
            #expect(!sandbox.exists("other/storage"))
        }
    }

    @Test("A file that is removed here is removed by the push, and by the pull of another machine")
    func removal() async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<4)
            #expect(try await sandbox.holdfast("push").code == 0)
            let other = sandbox.machine("other")
            #expect(try await other.holdfast("pull").code == 0)
            try sandbox.remove("storage/1")
            let push = try await sandbox.holdfast("push", "--json")
            #expect(try push.json["objectCount"].int == 3)
            #expect(try await keys(sandbox, "storage/") == ["storage/0", "storage/2", "storage/3"])
            try sandbox.write("other/storage/3", "changed there")
            #expect(try await other.holdfast("pull").code == 0)
            #expect(try sandbox.texts("other/storage") == ["0": "content 0", "2": "content 2", "3": "changed there"])
            // It is still in the snapshot before.
            #expect(try await sandbox.machine("then").holdfast("pull", "--at", "latest~1").code == 0)
            #expect(try sandbox.texts("then/storage").keys.sorted() == ["0", "1", "2", "3"])
        }
    }

    @Test("What was restored is not sent by the next push, and a change of it is")
    func restored() async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<5)
            try sandbox.age("storage")
            #expect(try await sandbox.holdfast("push").code == 0)
            let other = sandbox.machine("other")
            #expect(try await other.holdfast("pull").code == 0)
            let push = try await other.holdfast("push", "--json")
            #expect(try push.json["requests"].int == 1)
            #expect(try push.json["transferredObjects"].int == 0)
            // Of the same size.
            try sandbox.write("other/storage/3", "CONTENT 3")
            #expect(try await other.holdfast("push", "--json").json["transferredObjects"].int == 1)
        }
    }

    @Test("A push whose state directory was lost merges, and loses nothing of either side")
    func lostState() async throws {
        try await Sandbox.run { sandbox in
            try write(sandbox, 0..<4)
            #expect(try await sandbox.holdfast("push").code == 0)
            try await sandbox.elsewhere(["1": "theirs", "there": "only there"], removing: ["3"])
            try sandbox.remove("home/.local/state")
            try sandbox.write("storage/2", "ours")
            try sandbox.write("storage/here", "only here")
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0, "\(push.err)")
            // What changed on one side only cannot be told from a conflict; the later version wins.
            #expect(try push.json["mergeConflicts"] == .array([.string("1"), .string("2")]))
            let fresh = sandbox.machine("fresh")
            #expect(try await fresh.holdfast("pull").code == 0)
            #expect(
                try sandbox.texts("fresh/storage") == [
                    "0": "content 0", "1": "theirs", "2": "ours", "3": "content 3", "there": "only there",
                    "here": "only here",
                ])
        }
    }

    @Test("What cannot be read here keeps the version that the store has", arguments: ["locked/file", "locked"])
    func unreadable(_ locked: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/locked/file", "stored")
            try sandbox.write("storage/fine", "one")
            // Root reads everything: run as nobody, where that is possible.
            let isRoot = geteuid() == 0
            func push() async throws -> Finished {
                guard isRoot else { return try await sandbox.holdfast("push", "--json") }
                let nobody = ["--reuid=65534", "--clear-groups", Sandbox.readableBinary(sandbox), "push", "--json"]
                return try await sandbox.program("/usr/bin/setpriv", nobody)
            }
            if isRoot {
                for name in ["", "storage", "storage/locked", "home", "tmp"] { chmod(sandbox.path(name), 0o777) }
                for name in ["storage/locked/file", "storage/fine"] { chmod(sandbox.path(name), 0o666) }
            }
            #expect(try await push().code == 0)
            try sandbox.write("storage/fine", "the second")
            chmod(sandbox.path("storage/fine"), 0o666)
            // Otherwise what was seen of it says that it did not change.
            if locked == "locked/file" { try sandbox.write("storage/locked/file", "changed and locked") }
            chmod(sandbox.path("storage/\(locked)"), 0)
            let run = try await push()
            chmod(sandbox.path("storage/\(locked)"), 0o777)
            #expect(run.code == 1)
            #expect(try run.json["problems"].array?.map { $0["path"].string } == [locked])
            #expect(try run.json["objectCount"].int == 2)
            let other = sandbox.machine("other")
            #expect(try await other.holdfast("pull").code == 0)
            #expect(try sandbox.texts("other/storage") == ["fine": "the second", "locked/file": "stored"])
        }
    }

    @Test("Files that the options leave out this time stay in the snapshot")
    func leftOut() async throws {
        try await Sandbox.run { sandbox in
            for number in 0..<9 { try sandbox.write("storage/log/\(number)", "log \(number)") }
            try sandbox.write("storage/a", "a")
            #expect(try await sandbox.holdfast("push", "--include", "log/**").code == 0)
            try sandbox.write("storage/a", "changed")
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0, "\(push.err)")
            #expect(try push.json["objectCount"].int == 10)
        }
    }
}

extension Sandbox {
    /// Makes all files below a directory look as if they had been left alone for an hour.
    func age(_ name: String) throws {
        for item in try FileManager.default.subpathsOfDirectory(atPath: path(name)) {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: path("\(name)/\(item)"))
        }
    }
}
