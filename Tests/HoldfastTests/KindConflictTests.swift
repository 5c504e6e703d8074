import Basics
import Foundation
import ObjectStore
import TestSupport
import Testing

@testable import Holdfast

@Suite("A name that is a file here and a directory in the store, or the other way round")
struct KindConflictTests {
    /// What each side has; the times say which is the later one.
    struct Sides: Sendable, CustomTestStringConvertible {
        let isFileHere: Bool
        let isNewerHere: Bool
        var testDescription: String {
            "\(isFileHere ? "file" : "directory") here, \(isNewerHere ? "newer here" : "newer in the store")"
        }

        static let all = [true, false].flatMap { file in [true, false].map { Sides(isFileHere: file, isNewerHere: $0) }
        }

        var here: [String: String] { isFileHere ? ["x": "here"] : ["x/y": "here", "x/z": "here"] }
        var store: [String: String] { isFileHere ? ["x/y": "store", "x/z": "store"] : ["x": "store"] }
    }

    private func write(_ files: [String: String], _ machine: String, _ fixture: Fixture, time: Double) throws {
        try fixture.write(files, on: machine)
        for path in files.keys {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: time)],
                ofItemAtPath: "\(fixture.storage(machine))/\(path)")
        }
    }

    @Test(
        "is a conflict like any other", arguments: Sides.all, [PathOperation.pull, .merge, .force, .restore, .watch])
    func bring(_ sides: Sides, _ operation: PathOperation) async throws {
        try await Fixture.with { fixture in
            try write(sides.store, "a", fixture, time: 1_700_005_000)
            try fixture.write(["other": "1"])
            #expect(await fixture.memory().push().success)
            try write(sides.here, "b", fixture, time: sides.isNewerHere ? 1_700_006_000 : 1_700_004_000)
            let cell = TruthTableCell(operation: operation, base: .absent, here: .changed, store: .changed)
            let result = try await cell.run(fixture)
            let now = try fixture.files("b")
            switch operation {
            case .pull,
                .force where operation == .pull || !sides.isFileHere:
                // Nothing is known of a directory here that makes room for a file.
                #expect(result.error?.code == .changedOnBothSides, "\(result)")
                #expect(result.conflicts == ["x"])
                #expect(now == sides.here)
            default:
                #expect(result.error == nil, "\(result)")
                let storeWins = operation == .force || !sides.isNewerHere
                #expect(now == (storeWins ? sides.store : sides.here).merging(["other": "1"]) { $1 })
                #expect((result.replacedKeptAt != nil) == storeWins)
                if let kept = result.replacedKeptAt {
                    for (path, text) in sides.here {
                        #expect(try String(contentsOfFile: "\(kept)/\(path)", encoding: .utf8) == text)
                    }
                }
                // Both sides come to rest on what won, whatever is pushed and pulled next.
                #expect(await fixture.memory("b").push().success)
                let second = await fixture.memory("a").pull(PullOptions(onConflict: .newerWins))
                #expect(second.success, "\(second)")
                #expect(try fixture.files("a") == now)
            }
        }
    }

    @Test("is followed by a machine that is in step", arguments: [true, false])
    func inStep(isFileFirst: Bool) async throws {
        try await Fixture.with { fixture in
            let (first, second) = isFileFirst ? (["x": "1"], ["x/y": "2"]) : (["x/y": "1"], ["x": "2"])
            try fixture.write(first)
            #expect(await fixture.memory().push().success)
            #expect(await fixture.memory("b").pull().success)
            try fixture.remove("x")
            try fixture.write(second)
            #expect(await fixture.memory().push(allowShrink: true).success)
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(try fixture.files("b") == second)
        }
    }

    @Test("is followed by the mirror view, also in a store that keeps files", arguments: [true, false])
    func mirror(isFileFirst: Bool) async throws {
        try await withTemporaryDirectory { directory in
            try await Fixture.with(FileObjectStore(root: directory.path + "/store")) { fixture in
                let (first, second) = isFileFirst ? (["x": "1"], ["x/y": "2"]) : (["x/y": "1"], ["x": "2"])
                try fixture.write(first)
                #expect(await fixture.memory().push().success)
                try fixture.remove("x")
                try fixture.write(second)
                let push = await fixture.memory().push(allowShrink: true)
                #expect(push.success, "\(push)")
                #expect(push.mirrorProblems.isEmpty, "\(push.mirrorProblems)")
                #expect(try await fixture.stored() == Array(second.keys))
            }
        }
    }
}
