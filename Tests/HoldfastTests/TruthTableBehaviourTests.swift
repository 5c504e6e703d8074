import Basics
import Foundation
import Testing

@testable import Holdfast

@Suite("What happens to files is what the truth table says")
struct TruthTableBehaviourTests {
    @Test("of each operation that brings a snapshot here", arguments: TruthTableCell.all([.pull, .merge, .force]))
    func pull(_ cell: TruthTableCell) async throws { try await check(cell) }

    static let mirrorCells = TruthTableCell.all([.pull, .merge, .force]).filter {
        // The store of the fixture has no clock: what it tells is long before the version here.
        $0.base != .changed && $0.isNewerHere == ($0.here == .changed)
    }.map {
        var cell = $0
        cell.isMirror = true
        return cell
    }

    @Test("of a pull of the mirror view", arguments: mirrorCells)
    func mirror(_ cell: TruthTableCell) async throws { try await check(cell) }

    @Test("of a restore and the start of watch", arguments: TruthTableCell.all([.restore, .watch]))
    func restore(_ cell: TruthTableCell) async throws { try await check(cell) }

    // A memory that is followed does not fall back: its snapshots are compared with the last look alone.
    @Test("of following", arguments: TruthTableCell.all([.follow]).filter { $0.base != .changed })
    func follow(_ cell: TruthTableCell) async throws { try await check(cell) }

    private func check(_ cell: TruthTableCell) async throws {
        try await Fixture.with { fixture in
            try await cell.prepare(fixture)
            let before = try fixture.files("b")
            let result = try await cell.run(fixture)
            let row = try cell.row()
            let after = try fixture.files("b")
            try checkEnd(result, row.ruling, before, after)
            let (here, store) = (cell.contentHere, cell.contentInStore)
            let kept = try quarantined(result)
            let now = after[TruthTableCell.path]
            switch row.ruling.outcome {
            case .nothing, .keep, .skip, .stop:
                #expect(now == here, "line \(row.line)")
                #expect(kept == nil)
            case .take:
                #expect(now == store, "line \(row.line)")
                #expect(kept == nil)
            case .remove:
                #expect(now == nil, "line \(row.line)")
                #expect(kept == nil)
            case .replace:
                #expect(now == store, "line \(row.line)")
                #expect(kept == here)
            case .discard:
                #expect(now == nil, "line \(row.line)")
                #expect(kept == here)
            case .merge:
                // A version that the followed memory has had is in its snapshots.
                let isOlder = cell.here == .same || !cell.isNewerHere
                let isLost = isOlder && cell.here == .changed
                #expect(now == (isOlder ? store : here), "line \(row.line)")
                #expect(kept == (isLost ? here : nil))
            case .fallBack, .save, .saveRemoval, .keepStored:
                Issue.record("line \(row.line): \(row.ruling.outcome)")
            }
        }
    }

    private func checkEnd(
        _ result: SyncResult, _ ruling: Ruling, _ before: [String: String], _ after: [String: String]
    ) throws {
        switch ruling.exit {
        case .success: #expect(result.error == nil, "\(result)")
        case .mayPass: #expect(result.error?.passesByItself == true, "\(result)")
        case .failure: #expect(result.error?.passesByItself == false, "\(result)")
        }
        if ruling.outcome == .stop { #expect(before == after) }
        if ruling.reason == .conflict, ruling.outcome == .stop {
            #expect(result.conflicts == [TruthTableCell.path])
        }
        if [.missingHere, .conflict].contains(ruling.reason), ruling.outcome != .stop {
            #expect(result.warnings.contains { $0.contains("'\(TruthTableCell.path)'") }, "\(result.warnings)")
        }
        if ruling.reason == .storeBehind {
            #expect(result.warnings.contains { $0.contains("a newer state than the store") }, "\(result.warnings)")
        }
    }

    /// Content of the path beside the storage directory.
    private func quarantined(_ result: SyncResult) throws -> String? {
        guard let directory = result.replacedKeptAt else { return nil }
        return try String(contentsOfFile: "\(directory)/\(TruthTableCell.path)", encoding: .utf8)
    }

    @Test("of a push", arguments: TruthTableCell.all([.push]))
    func push(_ cell: TruthTableCell) async throws {
        try await Fixture.with { fixture in
            try await cell.prepare(fixture)
            let before = try fixture.files("b")
            let result = try await cell.run(fixture)
            #expect(result.error == nil, "\(result)")
            #expect(try fixture.files("b") == before)
            let row = try cell.row()
            #expect(row.ruling.exit == .success)
            let pull = await cell.memory(fixture, "c").pull()
            try #require(pull.success, "\(pull)")
            let saved = try fixture.files("c")[TruthTableCell.path]
            let (here, store) = (cell.contentHere, cell.contentInStore)
            switch row.ruling.outcome {
            case .nothing: #expect(saved == store && saved == here, "line \(row.line)")
            case .save: #expect(saved == here, "line \(row.line)")
            case .saveRemoval: #expect(saved == nil, "line \(row.line)")
            case .keepStored: #expect(saved == store, "line \(row.line)")
            case .merge: #expect(saved == (cell.isNewerHere ? here : store), "line \(row.line)")
            case .keep, .take, .remove, .replace, .discard, .skip, .fallBack, .stop:
                Issue.record("line \(row.line): \(row.ruling.outcome)")
            }
        }
    }
}
