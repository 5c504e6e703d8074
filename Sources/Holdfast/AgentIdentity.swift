import Basics

/// Which agent a memory belongs to: `github`, `discord`, `local`, or a name of one's own (RFC-019 §3).
public struct AgentIdentity: Sendable, Hashable, CustomStringConvertible {
    /// The name as it stands in a key.
    public let name: String

    public static let github = AgentIdentity(known: "github")
    public static let discord = AgentIdentity(known: "discord")
    public static let local = AgentIdentity(known: "local")

    /// - Throws: ``InvalidName`` unless the name matches `[a-z0-9][a-z0-9._-]{0,63}`.
    public init(_ name: String) throws(InvalidName) {
        let bytes = Array(name.utf8)
        let isValid =
            (1...64).contains(bytes.count) && isLowerLetterOrDigit(bytes[0])
            && bytes.allSatisfy { isLowerLetterOrDigit($0) || "._-".utf8.contains($0) }
        guard isValid else {
            throw InvalidName(
                "agent '\(name)'",
                "Use 1 to 64 lower-case letters, digits, '.', '_' or '-', starting with a letter or digit.")
        }
        self.name = name
    }

    private init(known name: String) { self.name = name }

    public var description: String { name }
}

/// A name that cannot be part of a key, and what can.
public struct InvalidName: Error, Sendable, Equatable, CustomStringConvertible {
    public let subject: String
    public let hint: String

    init(_ subject: String, _ hint: String) {
        self.subject = subject
        self.hint = hint
    }

    public var description: String { "\(subject) cannot be used. \(hint)" }
}

private func isLowerLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

extension InvalidName: FailureConvertible {
    public var failure: Failure { Failure(code: .invalid, message: "\(subject) cannot be used", hint: hint) }
}
