import Foundation
import Testing

@testable import Holdfast

/// Cells of the tables in `docs/truth-table.md`.
struct DocumentedTable {
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
