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

    @Test("encodes and decodes any bytes")
    func percent() {
        let all = (0...255).map { UInt8($0) }
        let text = PercentText.encode(all)
        #expect(text.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(PercentText.decode(text) == all)
        #expect(PercentText.decode("a+b%2f", plusIsSpace: true) == Array("a b/".utf8))
        for bad in ["%", "%4", "%zz", "%%41"] { #expect(PercentText.decode(bad) == nil) }
    }

    @Test(
        "shows spans and sizes with few digits",
        arguments: [
            (0.0, "0.00 s"), (0.314, "0.31 s"), (9.99, "9.99 s"), (9.999, "10 s"), (119, "119 s"), (120, "2 min"),
            (7199, "119 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d"), (-5, "0 s"), (1e300, "1,000,000 d"),
        ])
    func spans(_ seconds: Double, _ shown: String) {
        #expect(Figures.span(seconds) == shown)
    }

    @Test("shows numbers and changes")
    func numbers() {
        #expect(Figures.grouped(1_234_567) == "1,234,567")
        #expect(Figures.grouped(-999) == "-999")
        #expect(Figures.bytes(1_234_567) == "1.23 MB")
        #expect(Figures.bytes(999) == "999 B")
        #expect(Figures.bytes(.max) == "9.22 EB")
        #expect(Figures.change(-2500) == "-2.50 kB")
        #expect(Figures.change(0) == "±0 B")
        #expect(Figures.change(10) == "+10 B")
        #expect(Figures.decimal(-0.25, 1) == "-0.3")
        #expect(Figures.time(Date(timeIntervalSince1970: 1_700_000_000)) == "2023-11-14 22:13:20")
        #expect(Figures.ago(0.4) == "just now")
        #expect(Figures.ago(-3) == "just now")
        #expect(Figures.ago(61.7) == "61 s ago")
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
