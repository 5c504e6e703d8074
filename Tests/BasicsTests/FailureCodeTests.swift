import Basics
import Foundation
import Testing

@Suite("Failure codes")
struct FailureCodeTests {
    private static let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/errors.md")

    /// The cells of the document's table, its head left out.
    private static func rows() throws -> [[String]] {
        try String(contentsOf: document, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }.map {
            $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test("The document lists every code once, in order, with a meaning and an action")
    func documented() throws {
        let rows = try Self.rows()
        #expect(rows.map { $0[0] } == FailureCode.allCases.map { "`\($0.rawValue)`" })
        for row in rows { #expect(row.count == 5 && row.allSatisfy { !$0.isEmpty }, "\(row)") }
    }

    @Test("The document says which failures pass by themselves, and which with time")
    func passing() throws {
        for (row, code) in zip(try Self.rows(), FailureCode.allCases) {
            #expect(row[3] == (code.passesByItself ? "yes" : "no"), "\(code)")
            #expect(row[4] == (code.mayPassWithTime ? "yes" : "no"), "\(code)")
        }
    }

    /// Scripts compare these: a change of any is a break.
    @Test("Codes are short words of lower-case letters with hyphens")
    func words() {
        for code in FailureCode.allCases {
            #expect(code.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "\(code)")
        }
    }
}

@Suite("Failures")
struct FailureTests {
    private struct Known: FailureConvertible {
        var failure: Failure { Failure(code: .denied, message: "no", hint: "Ask.") }
    }
    private struct Unknown: Error, CustomStringConvertible { let description = "odd" }

    @Test("An error that describes itself keeps its code, message and hint, and stays within reach")
    func known() {
        let failure = Failure(Known())
        #expect(failure == Failure(code: .denied, message: "no", hint: "Ask."))
        #expect(failure.underlying is Known)
        #expect(Failure(failure as any Error) == failure)
    }

    @Test("An error that says nothing of itself is a failure without a hint")
    func unknown() {
        #expect(Failure(Unknown()) == Failure(code: .failed, message: "odd"))
        #expect(Failure(CancellationError()) == Failure(code: .cancelled, message: "cancelled"))
    }
}
