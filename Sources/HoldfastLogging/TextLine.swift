import FileIO

/// Writes an event for people: `warning: message key=value`.
struct TextLine {
    private(set) var text: String

    /// - Parameters:
    ///   - timestamp: shown if not `nil`.
    ///   - isColored: whether the level is coloured with ANSI sequences (ECMA-48 SGR).
    init(_ level: LogLevel, _ message: String, timestamp: String?, isColored: Bool) {
        text = timestamp.map { $0 + " " } ?? ""
        text += isColored ? "\u{1B}[\(level.color)m\(level.rawValue):\u{1B}[0m " : "\(level.rawValue): "
        text += printable(message.utf8)
    }

    mutating func append(_ members: [(name: String, value: LogValue)]) {
        for (name, value) in members { text += " \(word(name))=\(shown(value))" }
    }

    private func shown(_ value: LogValue) -> String {
        switch value {
        case .text(let text): word(text)
        case .literal(let literal): literal
        case .list(let values): "[" + values.map(shown).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(word($0.name))=\(shown($0.value))" }.joined(separator: ", ") + "}"
        }
    }

    /// A text that can be told from what stands around it: in quotes, where it is not a plain word.
    private func word(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.utf8.contains { $0 <= 0x20 || "\"\\=,{}".utf8.contains($0) }
        guard !isPlain else { return printable(text.utf8) }
        var quoted = "\""
        for character in text.unicodeScalars {
            if character == "\"" || character == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return printable((quoted + "\"").utf8)
    }
}
