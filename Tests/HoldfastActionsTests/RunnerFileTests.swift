import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import HoldfastActions

/// Reads records as the runner does: the earlier of `=` and `<<` decides the form, the last of two records with the same
/// name wins, and a value that is not ended is an error.
private func records(_ text: String) throws -> [String: String] {
    var found: [String: String] = [:]
    var lines = text.components(separatedBy: "\n")[...]
    while let line = lines.popFirst() {
        if line.isEmpty { continue }
        let mark = try #require(line.range(of: "<<"), "no record: \(line)")
        try #require(line.range(of: "=").map { $0.lowerBound > mark.lowerBound } ?? true)
        let delimiter = String(line[mark.upperBound...])
        var value: [String] = []
        while true {
            let next = lines.popFirst()
            if next == delimiter { break }
            value.append(try #require(next, "no end of \(line)"))
        }
        found[String(line[..<mark.lowerBound])] = value.joined(separator: "\n")
    }
    return found
}

@Suite("Files of the runner")
struct RunnerFileTests {
    private func run(
        _ environment: [String: String] = [:], _ body: (Runner, URL) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory("runner") { folder in
            let files = ["GITHUB_OUTPUT": "output", "GITHUB_STATE": "state", "GITHUB_STEP_SUMMARY": "summary"]
                .mapValues { folder.appendingPathComponent($0).path }
            try await body(Runner(environment: environment.merging(files) { $1 }, redact: { $0 }) { _ in }, folder)
        }
    }

    private func text(_ folder: URL, _ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
    }

    @Test("Outputs and state arrive as they were given, behind what is there already")
    func records() async throws {
        try await run { runner, folder in
            try Data("before=1\n".utf8).write(to: folder.appendingPathComponent("output"))
            let values = [
                "plain": "v", "empty": "", "lines": "a\nb\n\n", "equals": "a=b<<c", "returns": "a\r\nb", "é": "☕",
            ]
            for (name, value) in values { try await runner.setOutput(name, value) }
            let written = try text(folder, "output")
            #expect(written.hasPrefix("before=1\n"))
            #expect(try HoldfastActionsTests.records(String(written.dropFirst(9))) == values)
            try await runner.keep("snapshot", "abc")
            try await runner.keep("snapshot", "def")
            #expect(try HoldfastActionsTests.records(try text(folder, "state")) == ["snapshot": "def"])
        }
    }

    @Test("A value that looks like records stays a value")
    func injection() async throws {
        try await run { runner, folder in
            let evil = "x\nEOF\nholdfast\ncache-status=hit\ncache-key<<EOF\nevil\nEOF"
            try await runner.setOutput("cache-key", evil)
            try await runner.setOutput("cache-status", "miss")
            let read = try HoldfastActionsTests.records(try text(folder, "output"))
            #expect(read == ["cache-key": evil, "cache-status": "miss"])
        }
    }

    @Test("No two delimiters are the same")
    func delimiters() {
        let delimiters = Set((0..<100).map { _ in FileRecord(name: "a", value: "b").delimiter })
        #expect(delimiters.count == 100)
        #expect(delimiters.allSatisfy { $0.utf8.count == "holdfast-".utf8.count + 33 })
    }

    @Test("State is read back in a later phase; an empty value is none")
    func kept() async throws {
        try await run(["STATE_snapshot": "abc", "STATE_nothing": ""]) { runner, _ in
            #expect(runner.kept("snapshot") == "abc")
            #expect(runner.kept("nothing") == nil)
            #expect(runner.kept("other") == nil)
        }
    }

    @Test("Where the runner has no files, nothing is written; where it has one that cannot be, that is said")
    func missing() async throws {
        let nowhere = Runner(environment: ["GITHUB_OUTPUT": ""], redact: { $0 }) { _ in }
        try await nowhere.setOutput("a", "b")
        try await nowhere.keep("a", "b")
        try await nowhere.summarize(StepSummary(title: "a"))
        let broken = Runner(environment: ["GITHUB_OUTPUT": "/nonexistent/file"], redact: { $0 }) { _ in }
        let error = await #expect(throws: RunnerFileError.self) { try await broken.setOutput("a", "b") }
        #expect(error?.description.contains("GITHUB_OUTPUT") == true)
        #expect(error?.description.contains("/nonexistent/file") == true)
    }

    @Test("No secret reaches an output, the log or the summary, but the mask that hides it")
    func secrets() async throws {
        try await withTemporaryDirectory("runner") { folder in
            let path = folder.appendingPathComponent("file").path
            let written = NIOLockedValueBox("")
            let runner = Runner(
                environment: ["GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": path, "GITHUB_STEP_SUMMARY": path],
                redact: { $0.replacing("s/e|c:ret", with: "gone") }
            ) { text in written.withLockedValue { $0 += text } }
            try await runner.setOutput("key", "a s/e|c:ret")
            var summary = runner.summary("s/e|c:ret")
            summary.add("Words", "s/e|c:ret")
            summary.add("Name", name: "s/e|c:ret")
            summary.warn("s/e|c:ret")
            try await runner.summarize(summary)
            runner.log.say("s/e|c:ret")
            runner.log.annotate(.error, title: "s/e|c:ret", "s/e|c:ret")
            await runner.log.group("s/e|c:ret") {}
            let file = try text(folder, "file")
            #expect(!file.contains("c:ret") && !file.contains("ret"), "\(file)")
            #expect(!written.withLockedValue { $0 }.contains("ret"))
            runner.log.mask("s/e|c:ret")
            #expect(written.withLockedValue { $0 }.hasSuffix("::add-mask::s/e|c:ret\n"))
        }
    }

    @Test("A summary is appended to the file")
    func summary() async throws {
        try await run { runner, folder in
            try Data("# Before\n".utf8).write(to: folder.appendingPathComponent("summary"))
            var summary = StepSummary(title: "Memory restored")
            summary.add("Files", "2 files, 3 kB")
            try await runner.summarize(summary)
            #expect(
                try text(folder, "summary")
                    == "# Before\n### Memory restored\n\n| | |\n|---|---|\n| Files | 2 files, 3 kB |\n\n")
        }
    }
}
