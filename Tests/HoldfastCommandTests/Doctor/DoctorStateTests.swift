import FileIO
import Foundation
import Repository
import TestSupport
import Testing

@testable import Holdfast

@Suite("holdfast doctor: the memory and this machine")
struct DoctorStateTests {
    @Test("A memory that another tool wrote can be adopted")
    func adoptable() async throws {
        try await Sandbox.run { sandbox in
            try await sandbox.put("a", "1")
            try await sandbox.put("b", "1")
            let found = try await sandbox.doctor()
            #expect(found.problems == [])
            #expect(found[.memory]["text"].string?.hasPrefix("no snapshot, but 2 objects of another tool") == true)
        }
    }

    @Test("The newest snapshot is named")
    func snapshot() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "1")
            let snapshot = try await sandbox.snapshot()
            let found = try await sandbox.doctor()
            #expect(found[.memory]["text"].string?.hasPrefix("1 file in snapshot \(snapshot.shortID), saved ") == true)
        }
    }

    @Test("A memory of another repository that has the same key is a problem that names both")
    func otherRepository() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "1")
            #expect(try await sandbox.holdfast("push", "--repo", "a/b-c").code == 0)
            let found = try await sandbox.doctor("--repo", "a-b/c")
            #expect(found.problems == ["memory"])
            #expect(found[.memory]["code"].string == "wrong-repository")
            let text = try #require(found[.memory]["text"].string)
            #expect(text.contains("a/b-c") && text.contains("a-b/c"))
        }
    }

    @Test("A damaged snapshot is a problem")
    func damaged() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "1")
            let snapshot = try await sandbox.snapshot()
            let pack = snapshot.commit.manifest.pack.hexadecimal
            try sandbox.remove(
                "home/.local/share/holdfast/store/opencode-storage/local/owner-repo/packs/\(pack.prefix(2))/\(pack)")
            let found = try await sandbox.doctor()
            #expect(found.problems == ["memory"])
            #expect(found[.memory]["code"].string == "damaged")
            #expect(found[.memory]["text"].string?.contains("none is whole") == true)
        }
    }

    @Test("A storage directory that is none, a database that is none, and a state directory that is none are found")
    func local() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("file", "x")
            try sandbox.write("opencode.db", "this is no database")
            let found = try await sandbox.doctor("--storage", "file", with: ["XDG_STATE_HOME": sandbox.path("file")])
            #expect(found.problems == ["storage", "databases"])
            #expect(found[.storage]["code"].string == "local-file")
            #expect(found[.databases]["text"].string?.contains(sandbox.path("opencode.db")) == true)
            #expect(found.verdict(.state) == "warning")
            #expect(found[.state]["fix"].string?.isEmpty == false)
        }
    }

    @Test("A storage directory that does not exist yet is no problem, and nothing is made there")
    func missing() async throws {
        try await Sandbox.run { sandbox in
            let found = try await sandbox.doctor("--storage", "not/there")
            #expect(found.problems == [])
            #expect(found[.storage]["text"].string?.contains("does not exist yet") == true)
            #expect(!sandbox.exists("not"))
        }
    }

    @Test("Without a repository the command line is wrong")
    func noRepository() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("doctor", with: ["HOLDFAST_REPO": nil])
            #expect(run.code == 64)
        }
    }
}
