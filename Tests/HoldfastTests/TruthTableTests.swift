import Foundation
import Testing

@testable import Holdfast

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
