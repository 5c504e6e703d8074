/// A file of `[section]` and `name = value` lines, read by the rules of Python's configparser, which the AWS tools use.
///
/// - A line that starts with `#` or `;`, after white space or not, is a comment; one behind a value is not.
/// - A line that is indented more than the option above it continues that option's value, also after empty lines.
/// - Names of options are lower-cased; `=` or `:` ends them, whichever comes first.
/// - The options of `[DEFAULT]` stand in every section that does not have them itself.
/// - A section or an option that comes twice is an error, and so is a line that is none of these things.
struct INIFile: Sendable {
    struct Section: Sendable {
        let name: String
        fileprivate(set) var options: [String: String]
    }

    /// In the order of the file.
    let sections: [Section]

    init(_ text: String) throws(INIError) {
        var reader = INIReader()
        // To Swift "\r\n" is one character, and so it ends one line.
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: { ["\n", "\r", "\r\n"].contains($0) })
        {
            try reader.read(line.unicodeScalars)
        }
        sections = reader.finish()
    }
}

/// Why a file cannot be read. It tells the line, and never what stands there.
struct INIError: Error, Equatable {
    let line: Int
    let reason: String
}

private struct INIReader {
    typealias Line = Substring.UnicodeScalarView

    private var sections: [(name: String, options: [String: [String]])] = []
    private var defaults: [String: [String]] = [:]
    /// Where options go: an index of `sections`, -1 for `[DEFAULT]`, `nil` before the first section.
    private var section: Int?
    private var option: String?
    private var indentation = 0
    private var number = 0

    mutating func read(_ line: Line) throws(INIError) {
        number += 1
        let text = line.trimmed
        let isComment = text.first == "#" || text.first == ";"
        guard let first = text.first, !isComment else {
            // An empty line may stand inside a value; a comment there leaves no trace.
            if !isComment { append("") }
            return
        }
        let column = line.prefix { $0.isPythonSpace }.count
        if option != nil, column > indentation { return append(String(text)) }
        indentation = column
        if first == "[", let end = text.lastIndex(of: "]"), text.index(after: text.startIndex) < end {
            try open(String(text[text.index(after: text.startIndex)..<end]))
        } else {
            try define(text)
        }
    }

    private mutating func open(_ name: String) throws(INIError) {
        option = nil
        if name == "DEFAULT" {
            section = -1
        } else if sections.contains(where: { $0.name == name }) {
            throw INIError(line: number, reason: "this section has already been in the file")
        } else {
            sections.append((name, [:]))
            section = sections.count - 1
        }
    }

    private mutating func define(_ text: Line) throws(INIError) {
        guard section != nil else { throw INIError(line: number, reason: "the file does not begin with a [section]") }
        guard let sign = text.firstIndex(where: { $0 == "=" || $0 == ":" }), sign != text.startIndex else {
            throw INIError(line: number, reason: "this is neither a [section] nor “name = value”")
        }
        let name = String(text[..<sign].trimmed).lowercased()
        guard values(of: name) == nil else {
            throw INIError(line: number, reason: "this option is set twice in its section")
        }
        option = name
        set(name, [String(text[text.index(after: sign)...].trimmed)])
    }

    private mutating func append(_ text: String) {
        guard let option, let lines = values(of: option) else { return }
        set(option, lines + [text])
    }

    private func values(of option: String) -> [String]? {
        guard let section else { return nil }
        return section < 0 ? defaults[option] : sections[section].options[option]
    }

    private mutating func set(_ option: String, _ lines: [String]) {
        guard let section else { return }
        if section < 0 { defaults[option] = lines } else { sections[section].options[option] = lines }
    }

    func finish() -> [INIFile.Section] {
        sections.map { section in
            let all = defaults.merging(section.options) { $1 }
            return INIFile.Section(name: section.name, options: all.mapValues(Self.joined))
        }
    }

    /// The lines of a value, without the empty ones at its end.
    private static func joined(_ lines: [String]) -> String {
        lines[..<((lines.lastIndex { !$0.isEmpty } ?? -1) + 1)].joined(separator: "\n")
    }
}

extension Unicode.Scalar {
    /// White space as Python's `str.strip` knows it: Unicode's, and four ASCII separators.
    var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}

extension BidirectionalCollection<Unicode.Scalar> where SubSequence: BidirectionalCollection<Unicode.Scalar> {
    /// Without white space at both ends.
    var trimmed: SubSequence {
        let start = self.drop { $0.isPythonSpace }
        guard let last = start.lastIndex(where: { !$0.isPythonSpace }) else { return self[endIndex...] }
        return self[start.startIndex...last]
    }
}
