import FileIO
import NIOCore
import ObjectStore
import Testing

@testable import Repository

@Suite("The scope of a state")
struct ScopeTests {
    private static let scope = CaptureScope(
        profile: "opencode", never: ["*.pem", ".env", "[x-z].key"], leftOut: ["/log/", "/bin/", "tmp-*"],
        taken: ["log/*.txt", "tmp-kept"])

    @Test(
        "A path is outside if its name is never stored, or if it is left out and not taken",
        arguments: [
            ("a", true), ("log", true), ("log/a", false), ("log/a/b", false), ("log/a.txt", true),
            ("log/a.txt/b", true), ("sub/log/a", true), ("bin/x", false), ("a.pem", false), ("sub/A.PEM", false),
            ("a.pem/b", true), (".env", false), (".ENV", false), ("x.key", false), ("Z.KEY", false), ("a.key", true),
            ("tmp-1", false), ("a/tmp-1/b", false), ("a/tmp-kept/b", true), ("Tmp-1", true),
            ("@data/opencode.db", true),
        ])
    func contains(_ path: String, _ isInside: Bool) throws {
        #expect(Self.scope.filter.contains(try #require(RelativePath(path))) == isInside)
    }

    @Test("What one of two scopes captured is inside of both together")
    func united() throws {
        let other = CaptureScope(profile: "opencode", never: ["*.pem"], leftOut: ["/log/"], taken: ["/log/x"])
        let both = Self.scope.united(with: other)
        for text in ["a", "log/a", "log/a.txt", "log/x", "bin/x", ".env", "tmp-1", "a.pem"] {
            let path = try #require(RelativePath(text))
            let isInside = Self.scope.filter.contains(path) || other.filter.contains(path)
            #expect(both.filter.contains(path) == isInside, "\(text)")
        }
        func projects(_ a: CaptureScope.Projects?, _ b: CaptureScope.Projects?) -> CaptureScope.Projects? {
            CaptureScope(profile: "p", projects: a).united(with: CaptureScope(profile: "p", projects: b)).projects
        }
        #expect(projects(.only(["a"]), .only(["b", "a"])) == .only(["a", "b"]))
        #expect(projects(.except(["a", "b"]), .except(["b", "c"])) == .except(["b"]))
        #expect(projects(.except(["a", "b"]), .only(["b"])) == .except(["a"]))
        #expect(projects(.only(["a"]), .except(["a"])) == nil)
        #expect(projects(.only(["a"]), nil) == nil)
    }

    /// What a file is on each side, and what is to come out.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let ours: [String]
        let theirs: [String]
        var ourScope: CaptureScope?
        var theirScope: CaptureScope?
        let merged: [String]
    }

    private static let files = ["a", "log/1"]

    @Test(
        "What a side left out is not deleted, and what it removed is",
        arguments: [
            Case(testDescription: "ours left it out", ours: ["a"], theirs: files, ourScope: scope, merged: files),
            Case(testDescription: "ours removed it", ours: ["a"], theirs: files, merged: ["a"]),
            Case(
                testDescription: "ours removed another", ours: ["log/1"], theirs: files, ourScope: scope,
                merged: ["log/1"]),
            Case(testDescription: "theirs left it out", ours: files, theirs: ["a"], theirScope: scope, merged: files),
            Case(testDescription: "theirs removed it", ours: files, theirs: ["a"], merged: ["a"]),
            Case(
                testDescription: "theirs removed another", ours: files, theirs: ["log/1"], theirScope: scope,
                merged: ["log/1"]),
            Case(
                testDescription: "ours removed it, theirs would leave it out", ours: ["a"], theirs: files,
                theirScope: scope, merged: ["a"]),
            Case(
                testDescription: "neither has it", ours: ["a"], theirs: ["a"], ourScope: scope, theirScope: scope,
                merged: ["a"]),
        ])
    func merge(_ test: Case) throws {
        func facts(_ paths: [String]) throws -> [FileFacts] {
            try paths.map {
                FileFacts(
                    path: try #require(RelativePath($0)), modified: 1, size: 1,
                    digest: Digest(of: ByteBuffer(string: $0)))
            }
        }
        let (ours, theirs) = (try facts(test.ours), try facts(test.theirs))
        let merge = ThreeWayMerge(
            base: try facts(Self.files), ours: ThreeWayMerge.Side(ours, scopes: [test.ourScope].compactMap(\.self)),
            theirs: ThreeWayMerge.Side(theirs, scopes: [test.theirScope].compactMap(\.self)))
        let merged = merge.choices.map { choice in
            switch choice {
            case .ours(let index): ours[index].path
            case .theirs(let index): theirs[index].path
            }
        }
        #expect(merged.map(\.description) == test.merged)
        #expect(merge.conflicts.isEmpty)
    }

    @Test("A machine that leaves a directory out takes nothing away from those that take it, and the other way round")
    func machines() async throws {
        let store = MemoryObjectStore()
        var all = Machine(store)
        all.write("a", "1")
        all.write("log/1", "1")
        try await all.save()
        var few = Machine(store)
        try await few.restore()
        few.scope = Self.scope
        few.files["log/1"] = nil
        few.files["a"] = "2"
        let saved = try await few.save()
        #expect(saved.snapshot.commit.scope == Self.scope)
        #expect(few.files == ["a": "2", "log/1": "1"])

        // What was made without it is no deletion either: the snapshot says that it was left out.
        all.write("b", "1")
        try await all.save()
        #expect(all.files == ["a": "2", "b": "1", "log/1": "1"])
        // Whoever takes it may remove it.
        all.files["log/1"] = nil
        try await all.save()
        #expect(all.files == ["a": "2", "b": "1"])
        few.files["log/1"] = nil
        few.write("c", "1")
        try await few.save()
        #expect(few.files == ["a": "2", "b": "1", "c": "1"])
    }

    @Test("A snapshot that lacks what its scope leaves out takes nothing away")
    func otherWriter() async throws {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        machine.write("a", "1")
        machine.write("log/1", "1")
        try await machine.save()
        // A writer that does not carry on what it leaves out: as if it had never seen the first snapshot's file.
        var other = Machine(store)
        try await other.restore()
        other.files["log/1"] = nil
        other.write("b", "1")
        let bare = try await other.save()
        var commit = bare.snapshot.commit
        commit.scope = Self.scope
        try await store.put(
            machine.repository.key(of: bare.snapshot.name), .bytes(try commit.encode()), .overwrite)
        machine.write("c", "1")
        let saved = try await machine.save()
        #expect(machine.files == ["a": "1", "b": "1", "c": "1", "log/1": "1"])
        #expect(saved.snapshot.commit.parents.map(\.name) == [bare.snapshot.name])
    }
}
