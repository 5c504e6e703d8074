/// Text as lines of the log that the runner prints and does not obey, whoever wrote it.
///
/// The runner obeys a line that starts with `::`, white space before it left aside, and the older `##[command]` anywhere
/// in a line; lines end at a carriage return, too, and for some readers at more. Such a line gets `| ` before it, and the older form a blank inside.
func plainLines(_ text: String) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var isAfterReturn = false
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n" where isAfterReturn: isAfterReturn = false
        case "\n", "\r", "\u{B}", "\u{C}", "\u{85}", "\u{2028}", "\u{2029}":
            lines.append(plainLine(line))
            line = String.UnicodeScalarView()
            isAfterReturn = scalar == "\r"
        default:
            line.append(scalar)
            isAfterReturn = false
        }
    }
    lines.append(plainLine(line))
    return lines
}

private func plainLine(_ line: String.UnicodeScalarView) -> String {
    var result = String.UnicodeScalarView()
    // More than white space counts as nothing here: a comparison may skip characters that have no width.
    var start = line.lazy.filter { $0.value > 0x20 && $0.value < 0x7F }.makeIterator()
    if start.next() == ":", start.next() == ":" { result.append(contentsOf: "| ".unicodeScalars) }
    result.append(contentsOf: withoutOldCommands(String(line)).unicodeScalars)
    return String(result)
}

/// Text without the older form of commands.
func withoutOldCommands(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        if scalar == "[", result.suffix(2).elementsEqual("##".unicodeScalars) { result.append(" ") }
        result.append(scalar)
    }
    return String(result)
}
