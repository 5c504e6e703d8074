/// Text of others as it is shown: escaped for markup, and with nothing in it that hides or reorders what stands around it.
///
/// Control characters, the marks that change the direction of writing, and other characters that are not seen are shown as
/// `\u{202E}`. The joiners of emoji and of some scripts stay: they do no harm.
enum ShownText {
    static func append(_ text: some StringProtocol, keepingLines: Bool, to bytes: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes += "&amp;".utf8
            case "<": bytes += "&lt;".utf8
            case ">": bytes += "&gt;".utf8
            case "\"": bytes += "&quot;".utf8
            case "'": bytes += "&#39;".utf8
            case "\n" where keepingLines, "\t" where keepingLines: bytes.append(UInt8(scalar.value))
            case _ where scalar.value < 0x7F && scalar.value >= 0x20: bytes.append(UInt8(scalar.value))
            case _ where isHidden(scalar):
                bytes += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".utf8
            default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: scalar.value != 0x200C && scalar.value != 0x200D
        default: false
        }
    }
}
