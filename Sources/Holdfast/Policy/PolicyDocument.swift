/// A policy as AWS reads it: JSON whose members stand in the order in which people look for them.
public struct PolicyDocument: Sendable, Equatable, Encodable {
    /// A value of the document.
    public indirect enum Value: Sendable, Equatable {
        case text(String)
        case list([String])
        case object([Member])
    }

    public struct Member: Sendable, Equatable {
        public let name: String
        public let value: Value

        init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }
        init(_ name: String, _ text: String) { self.init(name, .text(text)) }
        /// One text stands for itself, as is usual in policies.
        init(_ name: String, _ texts: [String]) { self.init(name, texts.count == 1 ? .text(texts[0]) : .list(texts)) }
        init(_ name: String, _ members: [Member]) { self.init(name, .object(members)) }
    }

    public let statements: [[Member]]

    init(_ statements: [[Member]]) { self.statements = statements }

    /// JSON in lines, two spaces deeper on each level.
    public var text: String {
        var lines = ["{", #"  "Version": "2012-10-17","#, #"  "Statement": ["#]
        let shown = statements.map { "    " + Self.text(.object($0), indentation: "    ") }
        lines.append(shown.joined(separator: ",\n"))
        return (lines + ["  ]", "}"]).joined(separator: "\n")
    }

    private static func text(_ value: Value, indentation: String) -> String {
        let deeper = indentation + "  "
        switch value {
        case .text(let text): return quoted(text)
        case .list(let texts):
            return "[\n" + texts.map { deeper + quoted($0) }.joined(separator: ",\n") + "\n\(indentation)]"
        case .object(let members):
            let shown = members.map { "\(deeper)\(quoted($0.name)): \(text($0.value, indentation: deeper))" }
            return "{\n" + shown.joined(separator: ",\n") + "\n\(indentation)}"
        }
    }

    /// RFC 8259 §7. Names in keys hold no control characters but those that Unicode has beyond ASCII.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    public func encode(to encoder: any Encoder) throws {
        var document = encoder.container(keyedBy: Key.self)
        try document.encode("2012-10-17", forKey: Key("Version"))
        try document.encode(statements.map { Value.object($0) }, forKey: Key("Statement"))
    }
}

private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

extension PolicyDocument.Value: Encodable {
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        case .list(let texts):
            var container = encoder.singleValueContainer()
            try container.encode(texts)
        case .object(let members):
            var container = encoder.container(keyedBy: Key.self)
            for member in members { try container.encode(member.value, forKey: Key(member.name)) }
        }
    }
}
