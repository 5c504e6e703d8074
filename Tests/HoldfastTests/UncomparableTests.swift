import Basics
import FileIO
import Foundation
import NIOCore
import ObjectStore
import Repository
import Testing

@testable import AgentDatabase
@testable import AgentFiles
@testable import Holdfast

@Suite("What cannot be compared")
struct UncomparableTests {
    /// What an agent's database can be that is not one which SQLite reads.
    enum State: CaseIterable {
        case encrypted, damaged, tornHeader, link

        var pathState: PathState {
            switch self {
            case .encrypted, .link: .refused
            case .damaged, .tornHeader: .damaged
            }
        }
    }

    /// Machine `a` has saved a database and a file; machine `b` has something else under the database's name.
    private func with(_ state: State, _ body: (Fixture, [UInt8]) async throws -> Void) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["other": "1"])
            try Self.makeDatabase(fixture, "a", rows: 20)
            try #require(await fixture.memory().push().success)
            let content = try Self.makeUnreadable(state, fixture)
            try await body(fixture, content)
        }
    }

    private static func path(_ fixture: Fixture, _ machine: String) -> String {
        "\(fixture.folder)/\(machine)/opencode.db"
    }

    private static func makeDatabase(_ fixture: Fixture, _ machine: String, rows: Int) throws {
        try FileManager.default.createDirectory(atPath: fixture.storage(machine), withIntermediateDirectories: true)
        let database = try SQLiteConnection(path(fixture, machine), .create)
        try database.execute("CREATE TABLE session (id text PRIMARY KEY, data text)")
        try database.transaction {
            for row in 0..<rows {
                let text = String(repeating: "\(machine) \(row) ", count: 400)
                try database.execute("INSERT INTO session VALUES ('\(machine)-\(row)', '\(text)')")
            }
        }
    }

    private static func makeUnreadable(_ state: State, _ fixture: Fixture) throws -> [UInt8] {
        let url = URL(fileURLWithPath: path(fixture, "b"))
        switch state {
        case .encrypted:
            try FileManager.default.createDirectory(
                atPath: fixture.storage("b"), withIntermediateDirectories: true)
            try Data((0..<8192).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }).write(to: url)
        case .damaged, .tornHeader:
            try makeDatabase(fixture, "b", rows: 20)
            var bytes = [UInt8](try Data(contentsOf: url))
            if state == .damaged {
                // The header stays; every page after the first is noise.
                for index in 4096..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ 7) }
            } else {
                for index in 0..<512 { bytes[index] = 0xA5 }
            }
            try Data(bytes).write(to: url)
        case .link:
            // Anybody may exchange what the link leads to.
            try makeDatabase(fixture, "shared", rows: 5)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o777], ofItemAtPath: "\(fixture.folder)/shared")
            try FileManager.default.createDirectory(
                atPath: fixture.storage("b"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: url.path, withDestinationPath: path(fixture, "shared"))
        }
        return [UInt8](try Data(contentsOf: url))
    }

    /// Versions of the database that are kept beside it.
    private func kept(_ fixture: Fixture) throws -> [[UInt8]] {
        let folder = "\(fixture.folder)/b"
        return try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasPrefix("opencode.db.replaced-") }.sorted()
            .map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) }
    }

    @Test(
        "is in no case lost when a snapshot with a database comes",
        arguments: State.allCases, [PathOperation.pull, .merge, .force, .restore, .watch])
    func database(_ state: State, _ operation: PathOperation) async throws {
        try await with(state) { fixture, content in
            let cell = TruthTableCell(operation: operation, base: .absent, here: state.pathState, store: .changed)
            let row = try cell.row()
            let result = try await cell.run(fixture)
            var ruling = row.ruling
            // Where a link leads is not for a store to decide, whatever the operation.
            if state == .link, ruling.outcome == .replace { ruling = Ruling(outcome: .stop, exit: .mayPass) }
            switch ruling.exit {
            case .success: #expect(result.error == nil, "\(result)")
            case .mayPass: #expect(result.error?.passesByItself == true, "\(result)")
            case .failure: #expect(result.error?.passesByItself == false, "\(result)")
            }
            let now = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(fixture, "b"))))
            let files = try fixture.files("b")
            switch ruling.outcome {
            case .stop:
                #expect(now == content)
                #expect(files == [:])
                #expect(result.error?.message.contains("'\(Self.path(fixture, "b"))'") == true, "\(result)")
                #expect(result.error?.hint != nil)
            case .skip:
                #expect(now == content)
                #expect(files == ["other": "1"])
                #expect(result.warnings.contains { $0.contains("cannot be compared: '@data/opencode.db'") })
                #expect(result.warnings.contains { $0.contains("'\(Self.path(fixture, "b"))'") })
            case .replace:
                #expect(try kept(fixture) == [content])
                #expect(files == ["other": "1"])
                #expect(result.warnings.contains { $0.contains("is kept as") }, "\(result)")
                let database = try SQLiteConnection(Self.path(fixture, "b"), .read)
                #expect(try database.rows("SELECT count(*) FROM session") == [[.integer(20)]])
            default: Issue.record("line \(row.line): \(row.ruling.outcome)")
            }
            if state == .link { #expect(try FileStatus.at(Self.path(fixture, "b")).kind == .link) }
        }
    }

    @Test("is kept where only its owner may read it")
    func keptPrivate() async throws {
        try await with(.damaged) { fixture, _ in
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: Self.path(fixture, "b"))
            #expect(await fixture.memory("b").pull().success)
            let folder = "\(fixture.folder)/b"
            let kept = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
                $0.hasPrefix("opencode.db.replaced-")
            }
            #expect(try kept.map { try FileStatus.at("\(folder)/\($0)").permissions } == [0o600])
        }
    }

    @Test("is not saved over the stored version, which stays, and the rest is saved", arguments: State.allCases)
    func push(_ state: State) async throws {
        try await with(state) { fixture, content in
            try fixture.write(["own": "2"], on: "b")
            let row = try TruthTableCell(
                operation: .push, base: .absent, here: state.pathState, store: .changed
            ).row()
            let stored = try await storedDatabase(fixture)
            let result = await fixture.memory("b").push()
            #expect(row.ruling.outcome == .keepStored)
            #expect(result.error?.code == .incomplete, "\(result)")
            #expect(result.error?.passesByItself == (row.ruling.exit == .mayPass))
            #expect(result.problems.first?.hint != nil && result.error?.hint == result.problems.first?.hint)
            #expect(try await storedDatabase(fixture) == stored)
            let now = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(fixture, "b"))))
            #expect(now == content)
            #expect(await fixture.memory("c").pull().success)
            #expect(try fixture.files("c") == ["other": "1", "own": "2"])
        }
    }

    @Test("is neither removed nor missing for a push that synchronised it before", arguments: State.allCases)
    func pushAfterSync(_ state: State) async throws {
        try await Fixture.with { fixture in
            try Self.makeDatabase(fixture, "a", rows: 20)
            try fixture.write(["other": "1"])
            try #require(await fixture.memory().push().success)
            try #require(await fixture.memory("b").pull().success)
            let stored = try await storedDatabase(fixture)
            try FileManager.default.removeItem(atPath: Self.path(fixture, "b"))
            _ = try Self.makeUnreadable(state, fixture)
            try fixture.write(["own": "2"], on: "b")
            let result = await fixture.memory("b").push()
            #expect(result.error?.code == .incomplete, "\(result)")
            #expect(try await storedDatabase(fixture) == stored)
            #expect(stored != nil)
        }
    }

    private func storedDatabase(_ fixture: Fixture) async throws -> Digest? {
        let path = try #require(RelativePath("@data/opencode.db"))
        return try await fixture.memory().repository.newest().manifest?.entry(path)?.digest
    }

    @Test("is unknown to status, not changed and not removed", arguments: State.allCases)
    func status(_ state: State) async throws {
        try await with(state) { fixture, _ in
            let status = try await fixture.memory("b").status()
            #expect(status.difference.unknown.map(\.path.description) == ["@data/opencode.db"])
            #expect(status.difference.changed.isEmpty && status.difference.removed.isEmpty)
            #expect(status.difference.added.isEmpty)
            #expect(status.difference.isEmpty == false)
        }
    }

    /// While an agent keeps others out of its database.
    @Test(
        "may pass while an agent keeps the database locked, and is never replaced",
        arguments: [PathOperation.pull, .merge, .force, .restore, .push])
    func locked(_ operation: PathOperation) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["other": "1"])
            try Self.makeDatabase(fixture, "a", rows: 20)
            try #require(await fixture.memory().push().success)
            try Self.makeDatabase(fixture, "b", rows: 3)
            let agent = try SQLiteConnection(Self.path(fixture, "b"), .write)
            try agent.execute("BEGIN EXCLUSIVE")
            let stored = try await storedDatabase(fixture)
            let cell = TruthTableCell(operation: operation, base: .absent, here: .unknown, store: .changed)
            let result = try await cell.run(fixture)
            if operation == .restore {
                #expect(result.error == nil, "\(result)")
                #expect(try fixture.files("b") == ["other": "1"])
            } else {
                #expect(result.error?.passesByItself == true, "\(result)")
                #expect(try fixture.files("b") == [:])
            }
            #expect(try await storedDatabase(fixture) == stored)
            try agent.execute("COMMIT")
            #expect(try agent.rows("SELECT count(*) FROM session") == [[.integer(3)]])
            #expect(try kept(fixture).isEmpty)
        }
    }

    /// A plan for one file that may not be read, or that lies in a directory which may not be.
    private func plan(
        _ operation: PathOperation, failure: String?, base: PathState, store: PathState, scope: CaptureScope? = nil
    ) throws -> RestorePlan {
        let path = try #require(RelativePath("d/f"))
        var scan = StorageScan()
        var digests: [RelativePath: Digest] = [:]
        if let failure {
            scan.failures = [
                StorageScan.Failure(
                    path: try #require(RelativePath(failure)), cause: FileError("read", path: "f".utf8, code: EACCES))
            ]
        } else {
            scan.files = [StorageScan.ScannedFile(path: path, status: try FileStatus.at("/"))]
            digests[path] = Digest(of: ByteBuffer(string: "base"))
        }
        let digest = Digest(of: ByteBuffer(string: "base"))
        let known = KnownFiles(
            index: FileIndex(
                scope: "", base: [], takenAt: 0,
                entries: [
                    FileIndex.Entry(path: path, size: 4, modified: 0, changed: 0, inode: 0, sha256: digest)
                ]))
        let stored = Digest(of: ByteBuffer(string: "store"))
        let offered: [OfferedFile] =
            store == .absent
            ? []
            : [
                .object(
                    ObjectInfo(key: ObjectKey("k"), size: 4, lastModified: 1), path: path,
                    digest: store == .same ? digest : stored)
            ]
        return RestorePlan(
            offered, here: LocalObservation(scan, digests: digests),
            comparison: Comparison(
                operation: operation,
                base: base == .same ? ComparisonBase(state: .same, files: known) : ComparisonBase.none),
            absences: RestorePlan.Absences(
                stored: Set(offered.map(\.path)), rule: AbsenceRule(.absent, scope: scope?.filter)))
    }

    @Test(
        "is not taken for absent: a file without permission, and one below such a directory",
        arguments: [PathOperation.pull, .merge, .force, .restore, .watch, .follow], ["d/f", "d"])
    func file(_ operation: PathOperation, failure: String) throws {
        for base in [PathState.absent, .same] {
            for store in [PathState.absent, .same, .changed] where base == .same || store != .same {
                let plan = try plan(operation, failure: failure, base: base, store: store)
                let cell = TruthTableCell(operation: operation, base: base, here: .refused, store: store)
                let row = try cell.row()
                // Where neither the base nor the store has it, nobody asks for it; following asks for no absences.
                let isAsked = base == .same || store != .absent
                let replaces = row.ruling.outcome == .replace
                let removes = row.ruling.outcome == .discard
                #expect(plan.fetches.count == (replaces ? 1 : 0), "\(cell.testDescription)")
                #expect(plan.removals.count == (removes ? 1 : 0), "\(cell.testDescription)")
                #expect(plan.quarantined.count == (replaces || removes ? 1 : 0), "\(cell.testDescription)")
                #expect(
                    plan.remarks.obstacles.count == (isAsked && row.ruling.outcome == .stop ? 1 : 0),
                    "\(cell.testDescription)")
                if row.ruling.outcome == .skip, base == .same {
                    // What was known before stays: the file was not compared with what the store has now.
                    #expect(plan.index.map(\.sha256) == [Digest(of: ByteBuffer(string: "base"))])
                }
            }
        }
    }

    @Test(
        "is not deleted: what a snapshot leaves out stays here",
        arguments: [PathOperation.pull, .merge, .force, .restore, .watch])
    func scope(_ operation: PathOperation) throws {
        let deleted = try plan(
            operation, failure: nil, base: .same, store: .absent, scope: CaptureScope(profile: "p"))
        #expect(deleted.removals.count == 1)
        let leftOut = try plan(
            operation, failure: nil, base: .same, store: .absent, scope: CaptureScope(profile: "p", leftOut: ["/d/"]))
        #expect(leftOut.removals.isEmpty)
        #expect(leftOut.fetches.isEmpty)
    }
}
