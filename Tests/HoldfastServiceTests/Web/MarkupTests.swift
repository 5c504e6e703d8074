import Basics
import FoundationEssentials
import Testing

@testable import HoldfastService

@Suite("Markup of the status page")
struct MarkupTests {
    @Test(
        "escapes what is put into it",
        arguments: [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            (#""><img src=x onerror='x'>"#, "&quot;&gt;&lt;img src=x onerror=&#39;x&#39;&gt;"),
            ("&amp;", "&amp;amp;"), ("a\nb\tc\u{0}d\u{1B}[31m", "a\\u{A}b\\u{9}c\\u{0}d\\u{1B}[31m"),
            ("abc\u{202E}gnp.exe", "abc\\u{202E}gnp.exe"), ("\u{2066}\u{200B}\u{FEFF}", "\\u{2066}\\u{200B}\\u{FEFF}"),
            ("\u{2028}\u{85}\u{E0041}", "\\u{2028}\\u{85}\\u{E0041}"),
            ("naïve café ☕ 日本語 👩‍👧", "naïve café ☕ 日本語 👩‍👧"), ("", ""),
        ])
    func escaping(_ text: String, _ shown: String) {
        let markup: HTML = "<p title=\"\(text)\">\(text)</p>"
        #expect(markup.text == "<p title=\"\(shown)\">\(shown)</p>")
    }

    @Test("keeps markup that is put into it, and the lines of a text that has them")
    func nesting() {
        let inner: HTML = "<b>\("<")</b>"
        #expect(("<p>\(inner)\([inner, inner])\(HTML?.none)\(3)</p>" as HTML).text.contains("<b>") == true)
        #expect(HTML(text: "a\n\t<b>\r", keepingLines: true).text == "a\n\t&lt;b&gt;\\u{D}")
    }

    @Test("shows a time in UTC")
    func time() {
        #expect(Figures.time(Date(timeIntervalSince1970: 1_700_000_000)) == "2023-11-14 22:13:20")
    }

    @Test("reads a query, and what is none of its business not at all")
    func query() throws {
        let query = Query("from=abcd&to=latest&path=a%2Fb+c&bad=%zz&empty=&n=12&script=%3Cscript%3E")
        #expect(try query.snapshot("from") == "abcd")
        #expect(try query.snapshot("to") == "latest")
        #expect(try query.snapshot("none") == nil)
        #expect(query["path"] == "a/b c")
        #expect(query["bad"] == nil)
        #expect(query["empty"] == nil)
        #expect(query.number("n") == 12)
        for bad in ["script", "n", "path"] { #expect(throws: PageError.self) { try query.snapshot(bad) } }
    }
}
