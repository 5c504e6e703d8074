import TestSupport
import Testing

@testable import HoldfastActions

@Suite("The summary of a step")
struct SummaryTests {
    /// What cmark and GitHub give a meaning to.
    private static let marks = Set("`*_{}[]<>#+!|~@:\\\"$^=/".unicodeScalars)

    /// The text without character references and without the tags around a name.
    private func bare(_ text: String) -> String {
        text.replacing(/&#[0-9]+;/, with: "").replacing("<code>", with: "").replacing("</code>", with: "")
    }

    @Test(
        "Names of others mean nothing in it",
        arguments: [
            "a|b", "`x`", "<script>alert(1)</script>", "</code><b>x", "[x](http://a.b)", "![x](y)", "@octocat", "#1",
            "www.example.com", "https://example.com/?a=b&c", "a\n\n# b", "**b**", "\u{202E}evil", ":tada:", "a\u{0}b",
            "$x$",
            "&lt;", "\\|",
        ])
    func names(_ name: String) {
        var summary = StepSummary(title: "Memory")
        summary.add("Key", name: name)
        summary.warn(name)
        let lines = summary.markdown.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[3].hasPrefix("| Key | <code>") && lines[3].hasSuffix("</code> |"))
        #expect(lines[4].hasPrefix("- ⚠️ <code>") && lines[4].hasSuffix("</code>"))
        let inner = bare(String(lines[3].dropFirst("| Key | ".count).dropLast(2)))
        #expect(!inner.unicodeScalars.contains { Self.marks.contains($0) }, "\(inner)")
        #expect(!summary.markdown.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202E}" })
    }

    @Test("It stays below the runner's limit, whatever it is given")
    func limit() {
        var summary = StepSummary(title: "Memory")
        for number in 0..<20 { summary.add("Row \(number)", name: String(repeating: "\u{1}", count: 10_000)) }
        let long = String(repeating: "|", count: 10_000)
        for _ in 0..<5000 { summary.warn(long) }
        let markdown = summary.markdown
        #expect(markdown.utf8.count < 1 << 20)
        #expect(markdown.contains("… and 4900 more"))
    }

    @Test(
        "A text is cut between characters", arguments: [("abc", "abc"), ("abcd", "abc…"), ("é☕", "é…"), ("ééé", "é…")])
    func cut(_ text: String, expected: String) { #expect(Markdown.shortened(text, to: 3) == expected) }

    @Test("A name that is empty is shown as nothing")
    func empty() { #expect(Markdown.code("") == "–") }
}
