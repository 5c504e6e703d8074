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
        case encrypted, damaged

        var pathState: PathState { self == .encrypted ? .refused : .damaged }
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
        case .damaged:
            try makeDatabase(fixture, "b", rows: 20)
            var bytes = [UInt8](try Data(contentsOf: url))
            // The header stays; every page after the first is noise.
            for index in 4096..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ 7) }
            try Data(bytes).write(to: url)
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
        arguments: State.allCases, [PathOperation.pull, .merge, .force, .watch])
    func database(_ state: State, _ operation: PathOperation) async throws {
        try await with(state) { fixture, content in
            let cell = TruthTableCell(operation: operation, base: .absent, here: state.pathState, store: .changed)
            let row = try cell.row()
            let result = try await cell.run(fixture)
            switch row.ruling.exit {
            case .success: #expect(result.error == nil, "\(result)")
            case .mayPass: #expect(result.error?.passesByItself == true, "\(result)")
            case .failure: #expect(result.error?.passesByItself == false, "\(result)")
            }
            let now = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(fixture, "b"))))
            let files = try fixture.files("b")
            switch row.ruling.outcome {
            case .stop:
                #expect(now == content)
                #expect(files == [:])
            case .skip:
                #expect(now == content)
                #expect(files == ["other": "1"])
                #expect(result.warnings.contains { $0.contains("cannot be compared: '@data/opencode.db'") })
            case .replace:
                #expect(try kept(fixture) == [content])
                #expect(files == ["other": "1"])
                let database = try SQLiteConnection(Self.path(fixture, "b"), .read)
                #expect(try database.rows("SELECT count(*) FROM session") == [[.integer(20)]])
            default: Issue.record("line \(row.line): \(row.ruling.outcome)")
            }
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
