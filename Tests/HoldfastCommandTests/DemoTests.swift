import Foundation
import ObjectStore
import TestSupport
import Testing

@Suite("The demo")
struct DemoTests {
    @Test("It shows that what comes back is identical, and leaves nothing behind")
    func embedded() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("demo")
            #expect(run.code == 0, "\(run.err)")
            #expect(run.err == "")
            let lines = run.out.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("compare   identical, SHA-256 ") })
            #expect(lines.contains { $0.hasPrefix("compare   both machines have both changes, ") })
            #expect(lines.last?.hasPrefix("rollback  to snapshot ") == true)
            #expect(lines.last?.hasSuffix("; pulled: identical") == true)
            #expect(run.out.contains("push      0 of 205 files uploaded"))
            #expect(try sandbox.tree("tmp").isEmpty)
            #expect(try sandbox.tree("home").isEmpty)
        }
    }

    @Test("It needs no repository, no home and no settings")
    func bare() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast(
                "demo", "--sessions", "1", with: ["HOLDFAST_REPO": nil, "HOME": nil])
            #expect(run.code == 0, "\(run.err)")
        }
    }

    @Test("With --json it prints one object")
    func json() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("demo", "--json", "--sessions", "2")
            let json = try run.json
            #expect(json["success"].bool == true)
            #expect(json["identical"].bool == true)
            #expect(
                json["steps"].array?.map { $0["step"].string }
                    == [
                        "generate", "push", "push", "push", "wipe", "pull", "compare", "2 pushes", "compare",
                        "rollback",
                    ])
            #expect(try sandbox.tree("tmp").isEmpty)
        }
    }

    @Test("In a store of the user's it leaves nothing behind", arguments: Place.all)
    func inStore(_ place: Place) async throws {
        try await place.run { sandbox in
            let own = "file://\(sandbox.path("home"))/.local/share/holdfast/store"
            let store = sandbox.environment["HOLDFAST_STORE"] ?? own
            try await sandbox.put("kept", "kept")
            let run = try await sandbox.holdfast("demo", "--sessions", "2", "--store", store)
            #expect(run.code == 0, "\(run.err)")
            let left = try await sandbox.objects(below: "holdfast-demo/")
            #expect(left == [])
            #expect(try await sandbox.holdfast("ls").out == "      4 B  kept\n")
        }
    }

    @Test("A failure of the store is a failure of the demo, and leaves nothing behind")
    func failing() async throws {
        try await StubServer.run { _ in
            .status(403)
        } _: { server in
            try await Sandbox.run { sandbox in
                let run = try await sandbox.using(server).holdfast("demo", "--store", "s3://bucket", "--json")
                #expect(run.code == 1)
                #expect(try run.json["error"]["code"].string == "denied")
                #expect(try sandbox.tree("tmp").isEmpty)
            }
        }
    }
}
