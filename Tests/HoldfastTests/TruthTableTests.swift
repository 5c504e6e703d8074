import Foundation
import Testing

@testable import Holdfast

/// Cells of the tables in `docs/truth-table.md`.
private struct DocumentedTable {
    struct Row: Sendable, CustomTestStringConvertible {
        let line: Int
        let operations: Set<PathOperation>
        let base: Set<PathState>
        let here: Set<PathState>
        let store: Set<PathState>
        let ruling: Ruling
        let reason: String

        var testDescription: String { "line \(line)" }
    }

    let rows: [Row]

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/truth-table.md"), encoding: .utf8)
        var rows: [Row] = []
        for (index, line) in text.components(separatedBy: "\n").enumerated() where line.hasPrefix("| ") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 8, cells[0] != "operation" else { continue }
            let place = "line \(index + 1)"
            rows.append(
                Row(
                    line: index + 1, operations: try Self.set(cells[0], place), base: try Self.set(cells[1], place),
                    here: try Self.set(cells[2], place), store: try Self.set(cells[3], place),
                    ruling: Ruling(
                        outcome: try #require(Ruling.Outcome(rawValue: cells[4]), "\(place): outcome '\(cells[4])'"),
                        reason: cells[5] == "–"
                            ? nil
                            : try #require(
                                Ruling.Reason(rawValue: cells[5]) as Ruling.Reason?, "\(place): said '\(cells[5])'"),
                        exit: try #require(
                            Int(cells[6]).flatMap(Ruling.ExitClass.init(rawValue:)), "\(place): exit '\(cells[6])'")),
                    reason: cells[7]))
        }
        self.rows = rows
    }

    private static func set<Value: RawRepresentable & CaseIterable & Hashable>(
        _ cell: String, _ place: String
    ) throws -> Set<Value> where Value.RawValue == String {
        if cell == "any" { return Set(Value.allCases) }
        return Set(
            try cell.components(separatedBy: ", ").map {
                try #require(Value(rawValue: $0), "\(place): '\($0)' is no \(Value.self)")
            })
    }

    /// The first row that fits.
    func row(_ operation: PathOperation, _ base: PathState, _ here: PathState, _ store: PathState) -> Row? {
        rows.first {
            $0.operations.contains(operation) && $0.base.contains(base) && $0.here.contains(here)
                && $0.store.contains(store)
        }
    }
}

@Suite("The truth table") struct TruthTableTests {
    private static let states = PathState.allCases

    @Test("Every cell of the document is the ruling of the program", arguments: PathOperation.allCases)
    func cells(_ operation: PathOperation) throws {
        let table = try DocumentedTable()
        for base in Self.states {
            for here in Self.states {
                for store in Self.states {
                    let cell = "\(operation) | base \(base) | here \(here) | store \(store)"
                    let row = try #require(table.row(operation, base, here, store), "\(cell): no row fits")
                    let ruling = TruthTable.ruling(operation, base: base, here: here, store: store)
                    #expect(ruling == row.ruling, "\(cell), line \(row.line)")
                }
            }
        }
    }

    @Test("Every row of the document is the first that fits some cell, and says why nothing is lost")
    func reachableRows() throws {
        let table = try DocumentedTable()
        var reached: Set<Int> = []
        for operation in PathOperation.allCases {
            for base in Self.states {
                for here in Self.states {
                    for store in Self.states {
                        if let row = table.row(operation, base, here, store) { reached.insert(row.line) }
                    }
                }
            }
        }
        for row in table.rows {
            #expect(reached.contains(row.line), "line \(row.line) is never reached")
            #expect(!row.reason.isEmpty, "line \(row.line)")
        }
    }

    @Test(
        "A version here is removed or replaced unseen only where a proven base has it",
        arguments: PathOperation.allCases)
    func nothingIsLostHere(_ operation: PathOperation) {
        for base in Self.states {
            for here in Self.states where here != .absent {
                for store in Self.states {
                    let ruling = TruthTable.ruling(operation, base: base, here: here, store: store)
                    guard [.take, .remove].contains(ruling.outcome) else { continue }
                    #expect(base == .same && here == .same, "\(operation): \(base), \(here), \(store)")
                }
            }
        }
    }

    @Test("A save drops a stored version only where a base had it, it is absent here, and it did not change there")
    func nothingIsLostThere() {
        for base in Self.states {
            for here in Self.states {
                for store in Self.states {
                    let ruling = TruthTable.ruling(.push, base: base, here: here, store: store)
                    guard ruling.outcome == .saveRemoval else { continue }
                    #expect(here == .absent, "\(base), \(here), \(store)")
                    #expect(base == .same && store == .same || base == .changed, "\(base), \(here), \(store)")
                }
            }
        }
    }

    @Test(
        "What cannot be read here, and what the rules leave out, is never a removal",
        arguments: [PathState.unknown, .refused, .outOfScope])
    func unreadableIsNotRemoved(_ here: PathState) {
        for operation in PathOperation.allCases {
            for base in Self.states {
                for store in Self.states {
                    let outcome = TruthTable.ruling(operation, base: base, here: here, store: store).outcome
                    #expect(![.saveRemoval, .remove, .take].contains(outcome), "\(operation): \(base), \(store)")
                }
            }
        }
    }
}
