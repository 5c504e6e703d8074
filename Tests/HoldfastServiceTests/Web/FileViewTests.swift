import FileIO
import NIOCore
import Repository
import Testing

@testable import HoldfastService

@Suite("Files as the status page shows them")
struct FileViewTests {
    @Test("lays JSON out for reading, and changes no value")
    func json() throws {
        let text = #"{"id":"ses_1","n":[1,-2.50e+3,{}],"e":[],"t":true,"u":null,"s":"a\"\\\u00e9é"}"#
        let json = try #require(JSONText(ByteBuffer(string: text)))
        #expect(
            json.lines == [
                "{", #"  "id": "ses_1","#, #"  "n": ["#, "    1,", "    -2.50e+3,", "    {}", "  ],", #"  "e": [],"#,
                #"  "t": true,"#, #"  "u": null,"#, #"  "s": "a\"\\\u00e9é""#, "}",
            ])
    }

    @Test("escapes JSON, and shows the line ends of long strings")
    func jsonMarkup() throws {
        let long = String(repeating: "x", count: 60)
        let text = #"{"<b>":"</pre><script>","long":"\#(long)\nline\\n two"}"#
        let markup = try #require(JSONText(ByteBuffer(string: text))).markup.text
        #expect(markup.contains("<b>&quot;&lt;b&gt;&quot;</b>: <span>&quot;&lt;/pre&gt;&lt;script&gt;&quot;</span>"))
        #expect(markup.contains("\(long)<u>\\n</u>\nline\\\\n two&quot;"))
    }

    @Test(
        "takes for JSON only what is",
        arguments: [
            "", " ", "{", "}", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"abc", "\"a\nb\"", "tru",
            "1 2", "[1]]", "{]", "[}", "\"\\", "nul", "{\"a\" 1}", "[,1]", String(repeating: "[", count: 100_000),
        ])
    func noJSON(_ text: String) {
        #expect(JSONText(ByteBuffer(string: text)) == nil)
    }

    @Test("tells kinds of files by their content")
    func kinds() {
        func kind(_ bytes: [UInt8]) -> String {
            switch FileText(ByteBuffer(bytes: bytes)) {
            case .json: "json"
            case .text: "text"
            case .database: "database"
            case .binary: "binary"
            }
        }
        #expect(kind(Array(" {\"a\": 1}\n".utf8)) == "json")
        #expect(kind(Array("{\"a\":1}\n{\"a\":2}\n".utf8)) == "text")
        #expect(kind([]) == "text")
        // The start of a longer text, cut in the middle of a character of three bytes.
        #expect(kind(Array("日本".utf8.dropLast())) == "text")
        #expect(kind(Array("日本".utf8.dropLast(2))) == "text")
        #expect(kind([0x41, 0x80, 0x80, 0x80, 0x80]) == "binary")
        #expect(kind([0x41, 0]) == "binary")
        #expect(kind([0xFF, 0xFE, 0x41]) == "binary")
        #expect(kind(Array("SQLite format 3\u{0}".utf8) + [1, 2]) == "database")
    }

    @Test("dumps bytes")
    func dump() {
        let lines = HexDump.lines(ByteBuffer(bytes: (0..<18).map { UInt8($0 + 0x38) } + [0xFF]), limit: 18)
        #expect(
            lines == [
                "00000000  38 39 3a 3b 3c 3d 3e 3f 40 41 42 43 44 45 46 47  89:;<=>?@ABCDEFG",
                "00000010  48 49                                            HI",
            ])
    }

    @Test("a difference of lines makes the new text out of the old one", arguments: 0..<200)
    func lineDiff(_ seed: Int) throws {
        var random = SmallRandom(seed: UInt64(seed))
        let old = (0..<random.below(30)).map { _ in "line \(random.below(6))" }
        var new = old
        for _ in 0..<random.below(6) {
            let place = random.below(new.count + 1)
            if random.below(2) == 0, place < new.count {
                new.remove(at: place)
            } else {
                new.insert("line \(random.below(6))", at: place)
            }
        }
        let hunks = try #require(LineDiff.hunks(from: old, to: new))
        // What stands between the hunks is the same on both sides.
        var (made, position) = ([String](), 0)
        for hunk in hunks {
            made += old[position..<(hunk.oldStart - 1)]
            position = hunk.oldStart - 1
            #expect(hunk.newStart == made.count + 1, "seed \(seed)")
            for line in hunk.lines {
                if line.kind != .added {
                    #expect(old[position] == line.text, "seed \(seed)")
                    position += 1
                }
                if line.kind != .removed { made.append(line.text) }
            }
            let changes = hunk.lines.indices.filter { hunk.lines[$0].kind != .same }
            #expect(changes.first.map { $0 <= LineDiff.context } == true, "seed \(seed)")
            #expect(changes.last.map { hunk.lines.count - 1 - $0 <= LineDiff.context } == true, "seed \(seed)")
        }
        made += old[position...]
        #expect(made == new, "seed \(seed)")
        #expect(hunks.isEmpty == (old == new), "seed \(seed)")
    }

    @Test("compares lines as bytes, and gives up on texts that differ everywhere")
    func lineDiffLimits() {
        #expect(LineDiff.hunks(from: ["caf\u{E9}"], to: ["cafe\u{301}"])?.count == 1)
        let many = (0..<LineDiff.mostLines).map { "a\($0)" }
        #expect(LineDiff.hunks(from: many, to: many.map { $0 + "x" }) == nil)
        #expect(LineDiff.hunks(from: many, to: many + ["x"])?.count == 1)
    }

    @Test("finds directories in the paths of files")
    func directories() throws {
        let entries = try ["a", "b-c/x", "b/d/e", "b/d/f", "b/g", "b0", "b\u{0001}/z"].map { text in
            Entry(
                path: try #require(RelativePath(text)), mode: 0o600, modified: Int64(text.utf8.count), size: 10,
                digest: .zero, content: .empty)
        }
        .sorted { $0.path < $1.path }
        let root = DirectoryListing(entries, in: nil)
        #expect(root.rows.map(\.path.description) == ["a", "b\\x01", "b-c", "b", "b0"])
        #expect(root.rows.map(\.files) == [1, 1, 1, 3, 1])
        #expect(root.files == 7)
        #expect(root.bytes == 70)
        let below = DirectoryListing(entries, in: RelativePath("b"))
        #expect(below.rows.map(\.path.description) == ["b/d", "b/g"])
        #expect(below.rows.map { $0.entry == nil } == [true, false])
        #expect(DirectoryListing(entries, in: RelativePath("b/d/e")).isEmpty)
    }
}

/// Small numbers from a seed.
struct SmallRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(max(1, limit)))
    }
}
