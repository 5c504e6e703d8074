import Testing

@testable import S3Store

@Suite("XML")
struct XMLTests {
    private func parse(_ text: String, _ limits: XMLLimits = XMLLimits()) throws -> XMLElement {
        try XMLElement.parse(Array(text.utf8), limits: limits)
    }

    private func reason(_ text: String, _ limits: XMLLimits = XMLLimits()) -> XMLError.Reason? {
        do throws(XMLError) { _ = try XMLElement.parse(Array(text.utf8), limits: limits) } catch { return error.reason }
        return nil
    }

    @Test(
        "Text is what the document means, byte for byte",
        arguments: [
            ("a b", "a b"), ("  a\t", "  a\t"), ("", ""), ("a\r\nb\rc\n", "a\nb\nc\n"), ("a&#13;&#x0a;b", "a\r\nb"),
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"), ("&amp;amp;", "&amp;"), ("&#65;&#x42;&#x1F600;", "AB\u{1F600}"),
            ("x<![CDATA[<&]]>y", "x<&y"), ("<![CDATA[]]]]><![CDATA[>]]>", "]]>"), ("<![CDATA[a\r\nb]]>", "a\nb"),
            ("a<!-- - -->b<?p q?>c", "abc"), ("]]&gt;]>", "]]>]>"), ("caf\u{e9}", "caf\u{e9}"),
            ("cafe\u{301}", "cafe\u{301}"), ("\u{FEFF}a", "\u{FEFF}a"), ("a<b/>c<b>d</b>e", "ace"),
        ])
    func text(inside: String, expected: String) throws {
        #expect(try parse("<k>\(inside)</k>").text.utf8.elementsEqual(expected.utf8))
    }

    @Test(
        "A document may come with declaration, byte order mark, comments, blanks and processing instructions",
        arguments: [
            "<r/>", "<r></r >", "\u{FEFF}<r/>", "<?xml version='1.0'?><r/>", " \n<r/>\n ",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>\r\n<r/>",
            "<!-- a --><?p?><r/><!-- b --><?p q?>",
            "\u{FEFF}<?xml version=\"1.1\" encoding='us-ascii'?><r/>", "<?xml-stylesheet href='x'?><r/>",
            "<p:r xmlns:p='u'/>",
        ])
    func around(text: String) throws {
        #expect(try parse(text).name == "r")
    }

    @Test("Elements keep their order, their attributes and their local names")
    func tree() throws {
        let root = try parse("<s:r xmlns:s='u' a = \"1&amp;2\n3\" s:b='>'><s:x>1</s:x><y/><x>2</x></s:r>")
        #expect(root.attributes == ["xmlns:s": "u", "a": "1&2 3", "s:b": ">"])
        #expect(root.children.map(\.name) == ["x", "y", "x"])
        #expect(root.first("x")?.text == "1")
        #expect(root.all("x").map(\.text) == ["1", "2"])
        #expect(root.first("z") == nil)
    }

    @Test("The reader reports each tag in its order")
    func events() throws {
        var reader = try XMLReader(Array("<a>1<b/></a>".utf8))
        var seen: [String] = []
        while let event = try reader.next() {
            switch event {
            case .start(let name, _): seen.append("<\(name)")
            case .text(let text): seen.append(text)
            case .end: seen.append(">")
            }
        }
        #expect(seen == ["<a", "1", "<b", ">", ">"])
    }

    @Test(
        "What is not well-formed is refused",
        arguments: [
            "x", "<r/>x", "x<r/>", "<r/><r/>", "<a></b>", "<a><b></a></b>", "</a>", "<a b/>", "<a b=c/>",
            "<a b='1'c='2'/>",
            "<a b='1' b='2'/>", "<a b='<'/>", "<a & b/>", "<1/>", "< a/>", "<a>&</a>", "<a>& b;</a>", "<a>&;</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>", "<a>&#xG;</a>", "<a>&#+65;</a>", "<a>&#-1;</a>", "<a>]]></a>", "<a><!-- -- --></a>",
            "<a><!x></a>",
            " <?xml version='1.0'?><r/>", "<r><?xml version='1.0'?></r>", "<?xml?><r/>", "<?xml version='2.0'?><r/>",
            "<?xml encoding='UTF-8'?><r/>", "<![CDATA[x]]><r/>", "<r/>&#32;", "<?p:q<?><r/>", "<r><?p!?></r>",
            "<a></ a>",
            "<a></a b>", "<r/>\0",
        ])
    func malformed(text: String) {
        guard case .malformed = reason(text) else {
            Issue.record("\(text) gave \(String(describing: reason(text)))")
            return
        }
    }

    @Test("An entity that is not predefined is refused", arguments: ["<a>&nbsp;</a>", "<a b='&x;'/>", "<a>&AMP;</a>"])
    func entities(text: String) {
        #expect(reason(text) == .unknownEntity)
    }

    @Test(
        "A document type is refused, whatever it holds",
        arguments: [
            "<!DOCTYPE r><r/>", "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>",
            "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///x'>]><r/>",
        ])
    func documentType(text: String) {
        #expect(reason(text) == .documentType)
    }

    @Test("A billion laughs are not laughed")
    func billionLaughs() {
        let entities = (1...9).map { "<!ENTITY l\($0) \"\(String(repeating: "&l\($0 - 1);", count: 10))\">" }.joined()
        #expect(reason("<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'lol'>\(entities)]><l>&l9;</l>") == .documentType)
    }

    @Test(
        "A character that XML does not allow is refused",
        arguments: [
            "<a>\u{1}</a>", "<a>\u{0}</a>", "<a>&#0;</a>", "<a>&#x1;</a>", "<a>&#xFFFE;</a>", "<a>&#xD800;</a>",
            "<a>&#x110000;</a>", "<a>\u{FFFF}</a>", "<a b='\u{8}'/>", "<a><![CDATA[\u{1B}]]></a>",
            "<a><!--\u{2}--></a>",
        ])
    func characters(text: String) {
        #expect(reason(text) == .illegalCharacter)
    }

    @Test("A number too large for any character is refused and not wrapped around")
    func hugeReference() {
        #expect(reason("<a>&#4294967361;</a>") == .malformed("a character reference is not a number"))
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF5, 0x80, 0x80, 0x80], [0x80],
        ] as [[UInt8]])
    func encoding(bytes: [UInt8]) {
        let document = Array("<a>".utf8) + bytes + Array("</a>".utf8)
        #expect(throws: XMLError(reason: .notUTF8, offset: 0)) { try XMLElement.parse(document) }
    }

    @Test("An encoding other than UTF-8 is refused", arguments: ["ISO-8859-1", "UTF-16", "utf-7", ""])
    func declaredEncoding(name: String) {
        #expect(reason("<?xml version='1.0' encoding='\(name)'?><r/>") == .notUTF8)
    }

    @Test(
        "Nothing at all is empty, and not an empty document", arguments: ["", " \n", "\u{FEFF}", "<!-- x -->", "<?p?>"])
    func empty(text: String) {
        #expect(reason(text) == .empty)
    }

    @Test("A document that is cut anywhere is an error", arguments: Samples.all)
    func truncated(sample: String) throws {
        let bytes = Array(sample.utf8)
        _ = try XMLElement.parse(bytes)
        for length in 0..<bytes.count {
            #expect(throws: XMLError.self, "cut after \(length) bytes") { try XMLElement.parse(bytes[..<length]) }
        }
    }

    @Test(
        "Every limit holds, and what just fits is read",
        arguments: [
            ("bytes", XMLLimits(bytes: 20), "<a>345678901234</a>"),
            ("levels", XMLLimits(depth: 3), "<a><a><a/></a></a>"),
            ("elements", XMLLimits(elements: 4), "<a><b/><b/><b/></a>"),
            ("attributes", XMLLimits(attributes: 2), "<a b='1' c='2'/>"),
            ("bytes in a name", XMLLimits(nameBytes: 3), "<abc/>"),
        ])
    func limits(name: String, limits: XMLLimits, fits: String) throws {
        let tooMuch = [
            "bytes": "<a>34567890123456</a>", "levels": "<a><a><a><a/></a></a></a>",
            "elements": "<a><b/><b/><b/><b/></a>", "attributes": "<a b='1' c='2' d='3'/>", "bytes in a name": "<abcd/>",
        ]
        _ = try parse(fits, limits)
        #expect(reason(try #require(tooMuch[name]), limits) == .limit(name))
    }

    @Test("A hundred thousand open elements, attributes or entities stop at the limit")
    func excess() {
        let many = 100_000
        #expect(reason(String(repeating: "<a>", count: many)) == .limit("levels"))
        #expect(reason("<r>" + String(repeating: "<a/>", count: 3 * many) + "</r>") == .limit("elements"))
        #expect(reason("<r " + (0..<many).map { "a\($0)=''" }.joined(separator: " ") + "/>") == .limit("attributes"))
        #expect(reason("<" + String(repeating: "n", count: many) + "/>") == .limit("bytes in a name"))
        #expect(
            reason("<r>&" + String(repeating: "a", count: many) + ";</r>") == .malformed("an '&' begins no reference"))
    }

    @Test("A large attribute and a large text are read as they are")
    func large() throws {
        let value = String(repeating: "x&amp;", count: 100_000)
        let root = try parse("<r a='\(value)'>\(value)</r>")
        #expect(root.text.utf8.count == 200_000)
        #expect(root.attributes["a"] == root.text)
    }

    @Test("An error says what is wrong and where")
    func description() {
        #expect("\(XMLError(reason: .truncated, offset: 7))" == "the XML could not be read: it is cut off (at byte 7)")
    }
}

/// Documents that touch every part of the parser. Each ends with its last necessary byte.
enum Samples {
    static let listing = """
        \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>\r
        <!-- note --><?style a?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>\
        <Prefix/><IsTruncated>false</IsTruncated><Contents><Key>caf\u{e9} &amp; \u{65e5}\u{1F600}&#x41;.gz</Key>\
        <LastModified>2025-11-03T10:20:30.000Z</LastModified><ETag>&quot;9b2c&quot;</ETag><Size>12</Size></Contents>\
        <Contents><Key><![CDATA[<k>]]></Key><Size> 5 </Size><Owner a="1" b='&lt;'><ID/></Owner></Contents>\
        <CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes></ListBucketResult >
        """
    static let error = """
        <ErrorResponse><Error><Type>Sender</Type><Code>SlowDown</Code><Message>m</Message></Error>\
        <RequestId>r</RequestId></ErrorResponse>
        """
    static let location = "<LocationConstraint>EU</LocationConstraint>"
    static let all = [listing, error, location]
}
