import Basics
import FoundationEssentials
import Testing

@Suite("Text of numbers and bytes")
struct TextTests {
    @Test(
        "A span has few digits",
        arguments: [
            (0.0, "0.00 s"), (0.314, "0.31 s"), (9.99, "9.99 s"), (9.999, "10 s"), (119, "119 s"), (120, "2 min"),
            (7199, "119 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d"), (-5, "0 s"), (1e300, "1,000,000 d"),
        ])
    func spans(_ seconds: Double, _ shown: String) {
        #expect(Figures.span(seconds) == shown)
    }

    @Test(
        "An age is in the largest unit that fits",
        arguments: [
            (0.4, "just now"), (-3, "just now"), (1, "1 second ago"), (61.7, "1 minute ago"), (7200, "2 hours ago"),
            (200_000, "2 days ago"), (1e300, "1,000,000 days ago"),
        ])
    func ages(_ seconds: Double, _ shown: String) {
        #expect(Figures.ago(seconds) == shown)
    }

    @Test("Numbers have groups of digits, sizes three digits and a unit")
    func numbers() {
        #expect(Figures.grouped(1_234_567) == "1,234,567")
        #expect(Figures.grouped(-999) == "-999")
        #expect(Figures.count(1, "file") == "1 file")
        #expect(Figures.count(1200, "file") == "1,200 files")
        #expect(Figures.bytes(1_234_567) == "1.23 MB")
        #expect(Figures.bytes(999) == "999 B")
        #expect(Figures.bytes(.max) == "9.22 EB")
        #expect(Figures.bytes(.min) == "-9.22 EB")
        #expect(Figures.change(-2500) == "-2.50 kB")
        #expect(Figures.change(0) == "±0 B")
        #expect(Figures.change(10) == "+10 B")
        #expect(Figures.decimal(-0.25, 1) == "-0.3")
    }

    @Test("Hexadecimal digits of bytes and numbers keep their zeros")
    func hexadecimal() {
        #expect(Hexadecimal.text([0, 1, 0xAB, 0xFF]) == "0001abff")
        #expect(Hexadecimal.text(UInt64(0xBEEF)) == "000000000000beef")
        #expect(Hexadecimal.text(UInt32.max) == "ffffffff")
        for value in UInt8(0)..<16 {
            let digit = Array(Hexadecimal.text([value]).utf8)[1]
            #expect(Hexadecimal.value(digit) == value)
            #expect(Hexadecimal.lowerCaseValue(digit) == value)
        }
        #expect(Hexadecimal.value(UInt8(ascii: "F")) == 15)
        for other in "FgG/:@` ".utf8 { #expect(Hexadecimal.lowerCaseValue(other) == nil) }
    }

    @Test("Any bytes can be percent-encoded, and come back")
    func percent() {
        let all = (0...255).map { UInt8($0) }
        let text = PercentEncoding.encode(all)
        #expect(text.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(PercentEncoding.decode(text) == all)
        #expect(PercentEncoding.decode(PercentEncoding.encode(all, keepingSlashes: true)) == all)
        #expect(PercentEncoding.encode("a/b c~".utf8, keepingSlashes: true) == "a/b%20c~")
        #expect(PercentEncoding.decode("a+b%2f", plusIsSpace: true) == Array("a b/".utf8))
        for bad in ["%", "%4", "%zz", "%%41"] { #expect(PercentEncoding.decode(bad) == nil) }
    }

    @Test("A time is read with and without fractions, and nothing else is")
    func time() {
        #expect(Date(iso8601: "2023-11-14T22:13:20Z") == Date(timeIntervalSince1970: 1_700_000_000))
        #expect(Date(iso8601: "2023-11-14T22:13:20.500Z") == Date(timeIntervalSince1970: 1_700_000_000.5))
        for bad in ["", "yesterday", "2023-11-14"] { #expect(Date(iso8601: bad) == nil) }
    }
}

@Suite("Binary search")
struct BinarySearchTests {
    @Test("The first element that is not below is found, as by looking at each", arguments: 0...20)
    func firstIndex(_ count: Int) {
        let numbers = (0..<count).map { $0 / 2 * 3 }
        for wanted in -1...(count * 2) {
            let expected = numbers.firstIndex { $0 >= wanted } ?? numbers.endIndex
            #expect(numbers.firstIndex(notBelow: { $0 < wanted }) == expected)
            let slice = numbers.dropFirst(3)
            #expect(slice.firstIndex(notBelow: { $0 < wanted }) == slice.firstIndex { $0 >= wanted } ?? slice.endIndex)
        }
    }
}
