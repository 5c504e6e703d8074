/// Text of others inside markdown.
enum Markdown {
    /// A line of text in which nothing means anything: neither markdown nor HTML, no link, no mention of a person.
    ///
    /// Character references keep markdown and HTML out; that a name with an `@`, a number with a `#` or an address becomes a
    /// link is prevented by `<code>` alone.
    static func code(_ text: String) -> String { text.isEmpty ? "–" : "<code>\(escaped(text))</code>" }

    /// The same for words of our own, which may have names of others in them.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "0"..."9", "A"..."Z", "a"..."z", " ", ".", ",", "-", "(", ")", "%", "'":
                result.unicodeScalars.append(scalar)
            case "\t", "\n", "\r": result += " "
            // Neither control characters nor the marks that change the direction of writing.
            case _ where scalar.value < 0x20 || scalar.value == 0x7F || isInvisible(scalar): result += "&#65533;"
            case _ where scalar.value < 0x7F: result += "&#\(scalar.value);"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }

    /// The start of a text, with an ellipsis where something was cut off.
    /// - Parameter limit: bytes of the result at most, the ellipsis aside.
    static func shortened(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var size = 0
        let start = text.unicodeScalars.prefix { scalar in
            size += UTF8.width(scalar)
            return size <= limit
        }
        return String(start) + "…"
    }
}
