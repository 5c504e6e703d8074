import Foundation
import TestSupport
import Testing

@testable import Holdfast

@Suite("What is kept beside the state")
struct KeptStatesTests {
    private static let day: Int64 = 86_400 * 1_000_000_000

    private func permissions(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("Only names that Holdfast gives are listed, and removed when they are old")
    func names() async throws {
        try await withTemporaryDirectory { directory in
            let manager = FileManager.default
            let ours = [
                "storage.replaced-1-1", "storage.replaced-2-2", "storage.replaced-3-3", "storage.replaced-4-4",
                ".storage.holdfast-kept-1f",
            ]
            let foreign = [
                "storage.replaced-x-1", "storage.replaced-1", ".storage.holdfast-kept-", "other.replaced-1-1",
                "storage", ".storage.holdfast-aside", "storage.replaced-1-2-3",
            ]
            for name in ours + foreign {
                try manager.createDirectory(atPath: "\(directory.path)/\(name)", withIntermediateDirectories: true)
            }
            let databases = (1...4).map { "opencode.db.replaced-\($0)" }
            let others = ["notes.db.replaced-1", "opencode.db.replaced-", "opencode.db.replaced-xyz", "opencode.db"]
            for name in databases + ["opencode.db.replaced-1-wal"] + others {
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(directory.path)/\(name)"))
            }
            let kept = KeptStates(storage: "\(directory.path)/storage", database: nil)
            let names = { (list: [KeptStates.Kept]) in
                Set(list.map { URL(fileURLWithPath: $0.path).lastPathComponent })
            }
            #expect(names(try kept.list()) == Set(ours + databases))

            let now = Int64(Date().timeIntervalSince1970 * 1e9)
            try kept.prune(now: now + 29 * Self.day)
            #expect(try kept.list().count == 9)
            try kept.prune(now: now + 31 * Self.day)
            #expect(try kept.list().count { $0.kind == .files } == 3)
            #expect(try kept.list().count { $0.kind == .database } == 3)
            #expect(try kept.list().count { $0.kind == .state } == 1)
            for name in foreign + others {
                #expect(manager.fileExists(atPath: "\(directory.path)/\(name)"), "\(name)")
            }
        }
    }

    @Test("It is readable for its owner alone, and doctor shows it")
    func privacy() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "1"])
            try fixture.addSessions(["one"])
            try #require(await fixture.memory().push().success)
            try fixture.write(["f": "2"], on: "b")
            try fixture.addSessions(["other"], on: "b")
            let database = "\(fixture.folder)/b/opencode.db"
            for path in [database, "\(fixture.storage("b"))/f"] {
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            }
            let pull = await fixture.memory("b").pull(PullOptions(onConflict: .storeWins))
            #expect(pull.success, "\(pull)")
            let files = try #require(pull.replacedKeptAt)
            #expect(try permissions(files) == 0o700)
            #expect(try permissions("\(files)/f") == 0o600)
            let kept = try KeptStates(storage: fixture.storage("b"), database: nil).list()
            #expect(Set(kept.map(\.kind)) == [.files, .database])
            let old = try #require(kept.first { $0.kind == .database })
            #expect(try permissions(old.path) == 0o600)
            let doctor = Doctor(fixture.memory("b"), as: .run, credentials: nil)
            let findings = try await doctor.localFindings()
            #expect(findings.contains { $0.check == .kept && $0.text.contains(".replaced-") }, "\(findings)")
        }
    }
}
