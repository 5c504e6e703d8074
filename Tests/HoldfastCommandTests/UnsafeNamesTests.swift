import Foundation
import ObjectStore
import TestSupport
import Testing

@Suite("Names in the store that must not be written")
struct UnsafeNamesTests {
    @Test("Each is refused by name, the rest arrives, and nothing outside is touched", arguments: Place.hostile)
    func hostile(_ place: Place) async throws {
        try await place.run { sandbox in
            var refused = [
                "../x", "a\\b", "a/../../x", "Foo", "cafe\u{301}", "./y", "a//b",
                ".holdfast-0123456789abcdef.tmp/z",
            ]
            // What each of them collides with, or is harmless itself.
            let accepted = ["fine", "deep/er/fine", "foo", "caf\u{E9}", "dir/inside"]
            // In a directory a name cannot be that of a file and of a directory.
            if case .server = place { refused.append("dir") }
            for name in refused + accepted { try await sandbox.put(name, "content of \(name)") }
            try await sandbox.put("folder/", "")
            let before = try sandbox.tree("home").filter { !$0.key.hasPrefix(".local") }

            let run = try await sandbox.holdfast("pull", "--json")
            #expect(run.code == 1)
            let json = try run.json
            #expect(json["success"].bool == false)
            #expect(json["error"]["code"].string == "incomplete")
            let named = (json["problems"].array ?? []).compactMap { $0["path"].string }
            // One of each pair of names that some file systems hold for the same is accepted: the first in byte order.
            let expected = refused.map { ["Foo": "foo", "cafe\u{301}": "caf\u{E9}"][$0] ?? $0 }
            #expect(Set(named.map { Array($0.utf8) }) == Set(expected.map { Array($0.utf8) }))
            #expect((json["problems"].array ?? []).allSatisfy { $0["reason"].string?.isEmpty == false })
            #expect(json["skipped"]["folderMarkers"].int == 1)
            for name in expected { #expect(run.err.contains("\n  \(name): "), "\(name)") }

            let arrived = try sandbox.texts("storage")
            #expect(arrived.count == 5)
            #expect(arrived["fine"] == "content of fine")
            #expect(arrived["deep/er/fine"] == "content of deep/er/fine")
            #expect(arrived["dir/inside"] == "content of dir/inside")
            #expect(arrived["Foo"] == "content of Foo")
            let after = try sandbox.tree("home").filter {
                !$0.key.hasPrefix(".local")
            }
            #expect(after == before)
            let top = try FileManager.default.contentsOfDirectory(atPath: sandbox.folder.path).sorted()
            #expect(top == ["home", "storage", "tmp"])
        }
    }

    @Test("A control character in a name cannot reach the terminal")
    func controlCharacters() async throws {
        try await Sandbox.run { sandbox in
            for name in ["esc\u{1B}[31m", "line\nbreak", "tab\t", "del\u{7F}"] { try await sandbox.put(name, "x") }
            try await sandbox.put("fine", "x")
            let run = try await sandbox.holdfast("pull")
            #expect(run.code == 1)
            #expect(run.out == "")
            #expect(run.err.contains("  esc\\x1b[31m: it contains a control character"))
            #expect(run.err.contains("  line\\x0abreak: "))
            #expect(!run.err.contains("\u{1B}"))
            #expect(try sandbox.texts("storage") == ["fine": "x"])
            let list = try await sandbox.holdfast("ls")
            #expect(list.out.contains("esc\\x1b[31m"))
            #expect(!list.out.contains("\u{1B}"))
        }
    }

    @Test("Files that are never stored are not restored either; that is a warning and no failure")
    func neverRestored() async throws {
        try await Sandbox.run { sandbox in
            for name in ["auth.json", "deep/AUTH.JSON", "opencode.db-wal", "opencode.db-shm", "x.key", ".env"] {
                try await sandbox.put(name, "from elsewhere")
            }
            try await sandbox.put("session/a", "fine")
            try sandbox.write("storage/auth.json", "mine")
            let run = try await sandbox.holdfast("pull", "--json")
            #expect(run.code == 0)
            #expect(try run.json["skipped"]["excluded"].int == 6)
            #expect(try run.json["objectCount"].int == 1)
            #expect(run.err.components(separatedBy: "warning: ").count == 7)
            #expect(run.err.contains("auth.json"))
            #expect(try sandbox.texts("storage") == ["auth.json": "mine", "session/a": "fine"])
        }
    }

    @Test("A memory of nothing but such files is not called empty")
    func onlyExcluded() async throws {
        try await Sandbox.run { sandbox in
            try await sandbox.put("auth.json", "{}")
            let run = try await sandbox.holdfast("pull")
            #expect(run.code == 0)
            #expect(!run.out.contains("starting fresh"))
            #expect(run.out.contains("1 excluded"))
        }
    }
}

extension Place {
    /// Stores that take every one of the hostile names.
    static let hostile: [Place] =
        [.directory]
        + TestServerKind.selected { $0.keepsDotSegments && $0.keepsEmptySegments && $0.keepsKeyBelowKey }.map {
            .server($0)
        }
}
