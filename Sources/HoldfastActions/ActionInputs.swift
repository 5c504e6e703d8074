/// The inputs of an action: the variables `INPUT_<NAME>` that the runner sets.
public struct ActionInputs: Sendable {
    private let values: [String: String]

    /// - Parameter environment: all variables of the process.
    public init(_ environment: [String: String]) {
        values = environment.filter { $0.key.hasPrefix("INPUT_") }
    }

    /// An input without white space at its ends; `nil` if it is missing or blank.
    ///
    /// The runner upper-cases a name and puts `_` for a blank; hyphens stay as they are.
    public func text(_ name: String) -> String? {
        let variable = "INPUT_" + String(name.uppercased().map { $0 == " " ? "_" : $0 })
        guard let value = values[variable] else { return nil }
        let start = value.drop { $0.isWhitespace }
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return nil }
        return String(start[...end])
    }

    /// An input that is one of the six booleans of YAML 1.2's core schema; `nil` if it is missing or blank.
    /// - Throws: ``InputError`` for anything else, also for `yes`, `on` and `1`.
    public func flag(_ name: String) throws(InputError) -> Bool? {
        switch text(name) {
        case nil: return nil
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case let value?: throw .notBoolean(name, value: value)
        }
    }

    /// An input that is a whole number; `nil` if it is missing or blank.
    /// - Throws: ``InputError`` for anything else, and for a number outside of the range.
    public func number(_ name: String, in range: ClosedRange<Int>) throws(InputError) -> Int? {
        guard let value = text(name) else { return nil }
        guard let number = Int(value), range.contains(number) else {
            throw InputError(
                "Input \(name) is '\(value)'", hint: "Write a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// An input that holds several words, with commas or line breaks between them.
    public func list(_ name: String) -> [String] {
        (text(name) ?? "").split { $0 == "," || $0.isNewline }.compactMap { item in
            let start = item.drop { $0.isWhitespace }
            return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) }
        }
    }
}

/// An input that cannot be used.
public struct InputError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The fault, and the input that has it.
    public let description: String
    /// A value to write instead.
    public let hint: String?

    public init(_ description: String, hint: String? = nil) {
        (self.description, self.hint) = (description, hint)
    }

    /// In the words of GitHub's own toolkit, which people search for.
    static func notBoolean(_ name: String, value: String) -> InputError {
        InputError(
            #"Input does not meet YAML 1.2 "Core Schema" specification: \#(name) is '\#(value)'"#,
            hint: "Support boolean input list: true | True | TRUE | false | False | FALSE")
    }
}
