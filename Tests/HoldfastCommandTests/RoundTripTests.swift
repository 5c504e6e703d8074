import Foundation
import TestSupport
import Testing

/// A store that the command is run against.
enum Place: Sendable, CustomTestStringConvertible {
    case directory
    case server(TestServerKind)

    static let all: [Place] = [.directory] + TestServerKind.selected.map { .server($0) }

    var testDescription: String {
        switch self {
        case .directory: "directory"
        case .server(let kind): kind.rawValue
        }
    }

    /// - Parameter inMemory: whether the sandbox may lie in memory, where no disk is waited for.
    func run<Result>(inMemory: Bool = false, _ body: (Sandbox) async throws -> Result) async throws -> Result {
        try await Sandbox.run(inMemory: inMemory) { sandbox in
            switch self {
            case .directory: try await body(sandbox)
            case .server(let kind): try await body(sandbox.using(try await TestServer.shared(kind)))
            }
        }
    }
}

@Suite("The command, from one machine to the next")
struct RoundTripTests {
    @Test("What is pushed is listed, and pulled back as it was, after a wipe", arguments: Place.all)
    func roundTrip(_ place: Place) async throws {
        try await place.run { sandbox in
            let long = String(repeating: "n", count: 255)
            try sandbox.write("storage/session/p/ses_1.json", #"{"id":"ses_1"}"#)
            try sandbox.write("storage/empty", "")
            try sandbox.write("storage/a b/naïve café ☕+&.json", "text")
            try sandbox.write("storage/\(long)", "long")
            try sandbox.write("storage/part/large", Data((0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }))
            let original = try sandbox.tree("storage")

            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0, "\(push.err)")
            #expect(push.err == "")
            let pushed = try push.json
            #expect(pushed["objectCount"].int == 5)
            #expect(pushed["transferredObjects"].int == 5)
            #expect(pushed["totalBytes"].int == 9_000_022)
            // The mirror view has each byte; in the pack this content shrinks to little. The documents that frame an
            // upload in parts and the commit cross the wire as well.
            #expect((9_000_022..<9_300_000).contains(try #require(pushed["transferredBytes"].int)))

            let list = try await sandbox.holdfast("ls", "--json")
            let listed = try list.json
            #expect(listed["objectCount"].int == 5)
            #expect(listed["totalBytes"].int == 9_000_022)
            #expect(
                listed["objects"].array?.compactMap { $0["path"].string }
                    == original.filter { $0.value != nil }.keys.sorted {
                        Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
                    })

            try sandbox.remove("storage")
            let pull = try await sandbox.holdfast("pull", "--json")
            #expect(pull.code == 0, "\(pull.err)")
            #expect(try pull.json["transferredObjects"].int == 5)
            #expect(try pull.json["objectCount"].int == 5)
            #expect(try sandbox.tree("storage") == original)
        }
    }

    @Test("A push sends only what has changed", arguments: Place.all)
    func onlyChanges(_ place: Place) async throws {
        try await place.run { sandbox in
            var random = SeededGenerator(seed: 1)
            func content() -> Data { Data((0..<100_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }) }
            for number in 0..<3 { try sandbox.write("storage/\(number)", content()) }
            #expect(try await sandbox.holdfast("push").code == 0)

            let again = try await sandbox.holdfast("push", "--json")
            #expect(try again.json["transferredObjects"].int == 0)
            // rclone lists tags without the quotes that it sends with objects, so the newest commit is read again.
            let isRclone = if case .server(.rclone) = place { true } else { false }
            #expect(try again.json["transferredBytes"].int ?? .max <= (isRclone ? 4000 : 0))
            #expect(try again.json["objectCount"].int == 3)

            try sandbox.write("storage/1", content())
            let changed = try await sandbox.holdfast("push", "--json")
            #expect(try changed.json["transferredObjects"].int == 1)
            // Once in a pack, once in the mirror view; what is around it is little.
            #expect((200_000..<210_000).contains(try #require(try changed.json["transferredBytes"].int)))

            let pull = try await sandbox.holdfast("pull", "--json")
            #expect(try pull.json["transferredObjects"].int == 0)
        }
    }

    @Test("Each agent and each repository has a memory of its own")
    func apart() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            #expect(try await sandbox.holdfast("push").code == 0)
            for other in [["--agent", "discord"], ["--repo", "owner/other"], ["--prefix", "elsewhere"]] {
                let list = try await sandbox.program(Sandbox.binary, ["ls", "--json"] + other)
                #expect(try list.json["objectCount"].int == 0)
            }
            let github = try await sandbox.holdfast("push", with: ["GITHUB_ACTIONS": "true"])
            #expect(github.out.contains("opencode-storage/github/owner-repo: 1 file"))
        }
    }

    @Test("The keys in the store are those of the mirror view")
    func keys() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/session/x.json", "x")
            #expect(try await sandbox.holdfast("push", "--repo", "org/nested/repo").code == 0)
            let files = try sandbox.texts("home/.local/share/holdfast/store")
            #expect(files["opencode-storage/local/org-nested-repo/storage/session/x.json"] == "x")
        }
    }

    @Test("A relative storage directory is the one below the working directory, whatever its spelling")
    func relativeStorage() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            #expect(try await sandbox.holdfast("push", "--storage", "./storage/").code == 0)
            // The same directory: what was pushed is known, so the store's change is followed.
            try await sandbox.elsewhere(["a": "changed there"])
            let pull = try await sandbox.holdfast("pull", "--storage", "storage")
            #expect(pull.code == 0, "\(pull.err)")
            #expect(try sandbox.texts("storage") == ["a": "changed there"])
        }
    }
}
