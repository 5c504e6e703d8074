/// Summary that a step leaves on the page of its run, in markdown.
///
/// A runner drops a summary above 1 MiB, and each text of others may be long: every part has a bound, and warnings above
/// a number are counted only.
public struct StepSummary: Sendable {
    /// A line of the table.
    private struct Row: Sendable {
        let name: String
        let value: String
    }

    private static let longestValue = 1000
    private static let mostWarnings = 100

    private let title: String
    private let redact: @Sendable (String) -> String
    private var rows: [Row] = []
    private var warnings: [String] = []
    /// How many there are above ``mostWarnings``.
    private var surplus = 0

    init(title: String, redact: @escaping @Sendable (String) -> String = { $0 }) {
        (self.title, self.redact) = (title, redact)
    }

    /// Adds a line to the table, with words of our own as its value.
    public mutating func add(_ name: String, _ words: String) {
        rows.append(Row(name: name, value: Markdown.escaped(shown(words))))
    }

    /// Adds a line to the table, with a name of others as its value: a key, a path, an id.
    public mutating func add(_ name: String, name value: String) {
        rows.append(Row(name: name, value: Markdown.code(shown(value))))
    }

    /// Adds something that the reader should know.
    public mutating func warn(_ text: String) {
        if warnings.count < Self.mostWarnings { warnings.append(shown(text)) } else { surplus += 1 }
    }

    /// Redacted first: an escaped secret would not be recognised any more.
    private func shown(_ text: String) -> String { Markdown.shortened(redact(text), to: Self.longestValue) }

    public var markdown: String {
        var text = "### \(Markdown.escaped(shown(title)))\n\n"
        if !rows.isEmpty {
            text += "| | |\n|---|---|\n"
            for row in rows { text += "| \(Markdown.escaped(row.name)) | \(row.value) |\n" }
            text += "\n"
        }
        for warning in warnings { text += "- ⚠️ \(Markdown.code(warning))\n" }
        if surplus > 0 { text += "- … and \(surplus) more; the log of the step has them all\n" }
        return text + (warnings.isEmpty ? "" : "\n")
    }
}
