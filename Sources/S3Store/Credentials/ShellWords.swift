/// Cuts a command line into words as a POSIX shell does (POSIX.1-2017 XCU §2.2), without expanding anything.
///
/// White space separates words; `'…'` keeps all as it is; in `"…"` a backslash escapes `"` and `\`; elsewhere it escapes
/// any character. Pipes, variables and patterns are ordinary text, for no shell is started.
/// - Returns: `nil` if a quotation is not closed, or the text ends in a backslash.
func shellWords(_ text: String) -> [String]? {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    var isInWord = false
    var quote: Unicode.Scalar?
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
        switch (quote, scalar) {
        case (nil, " "), (nil, "\t"), (nil, "\n"), (nil, "\r"):
            if isInWord { words.append(String(word)) }
            word = String.UnicodeScalarView()
            isInWord = false
        case (nil, "'"), (nil, "\""):
            quote = scalar
            isInWord = true
        case (nil, "\\"), ("\"", "\\"):
            guard let escaped = rest.popFirst() else { return nil }
            if quote != nil && escaped != "\"" && escaped != "\\" { word.append(scalar) }
            word.append(escaped)
            isInWord = true
        case (let open?, scalar) where scalar == open:
            quote = nil
        default:
            word.append(scalar)
            isInWord = true
        }
    }
    guard quote == nil else { return nil }
    if isInWord { words.append(String(word)) }
    return words
}
