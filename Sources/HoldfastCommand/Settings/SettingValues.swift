import AgentFiles
import Basics
import FileIO
import Holdfast
import S3Store

/// Turns the texts of settings into values, and says which setting is wrong, where it was set, and what it can be.
struct SettingValues {
    let sources: SettingSources

    func text(_ setting: Setting) -> String? { sources.value(setting)?.text }

    func required(_ setting: Setting) throws -> String {
        guard let text = text(setting), !text.isEmpty else { throw UsageError("\(sources.place(setting)) is empty") }
        return text
    }

    /// The value in a type of its own, whose error says what is wrong with it.
    func parse<Value>(_ setting: Setting, _ parse: (String) throws -> Value) throws -> Value {
        try located(sources.place(setting)) { try parse(required(setting)) }
    }

    private func wrong(_ setting: Setting, _ expected: String) -> UsageError {
        UsageError("\(sources.place(setting)) is '\(text(setting) ?? "")'; it must be \(expected)")
    }

    func flag(_ setting: Setting) throws -> Bool {
        switch text(setting)?.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw wrong(setting, "true or false")
        }
    }

    func choice<Value: RawRepresentable<String> & CaseIterable>(_ setting: Setting, _: Value.Type) throws -> Value {
        guard let value = text(setting).flatMap({ Value(rawValue: $0) }) else {
            throw wrong(setting, "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    func number(_ setting: Setting, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = text(setting) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw wrong(setting, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Bytes in a second, with an optional unit of 1,024s: `500K`, `10M`, `1G`.
    func rate() throws -> Int? {
        guard let text = text(.limitRate) else { return nil }
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.uppercased().last.flatMap { units[$0] }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard let number = Int(digits), number > 0,
            case let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1), !overflow
        else { throw wrong(.limitRate, "bytes in a second, such as 500000, 500K or 10M") }
        return bytes
    }

    /// Names of agents, with commas between them.
    func agents(_ setting: Setting) throws -> [AgentIdentity] {
        try (text(setting) ?? "").split(separator: ",").map { name in
            try located(sources.place(setting)) { try AgentIdentity(String(name.filter { $0 != " " })) }
        }
    }

    func owner() throws -> String? {
        guard let text = text(.expectedBucketOwner) else { return nil }
        guard text.utf8.count == 12, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw wrong(.expectedBucketOwner, "the 12 digits of an AWS account")
        }
        return text
    }

    func encryption() throws -> S3Configuration.ServerSideEncryption {
        let key = text(.sseKMSKeyID)
        switch text(.sse) {
        case "aws:kms": return .kms(keyID: key)
        case "AES256" where key == nil: return .aes256
        case "none" where key == nil: return .bucketDefault
        case "AES256", "none":
            throw UsageError("\(sources.place(.sseKMSKeyID)) needs encryption by KMS", hint: "Add --sse aws:kms.")
        default: throw wrong(.sse, "one of none, AES256, aws:kms")
        }
    }

    func exclusions() throws -> Exclusions {
        Exclusions(
            including: try globs(.include, "patterns such as 'log/**' or 'session_share/*.json'"),
            excluding: try globs(.exclude, "patterns such as 'cache/**' or 'opencode-old.db'"))
    }

    /// - Parameter expected: in words.
    private func globs(_ setting: Setting, _ expected: String) throws -> [Glob] {
        guard let text = text(setting) else { return [] }
        let globs = text.split(separator: ",").map { Glob(String($0)) }
        let usable = globs.compactMap(\.self)
        guard !usable.isEmpty, usable.count == globs.count else { throw wrong(setting, expected) }
        return usable
    }
}

/// Adds to an error of a value where the value was set.
func located<Value>(_ place: String, _ work: () throws -> Value) throws -> Value {
    do { return try work() } catch let error as UsageError {
        throw UsageError("\(place): \(error)", hint: error.hint)
    } catch let error as InvalidName {
        throw UsageError("\(place): \(error.subject) cannot be used", hint: error.hint)
    }
}
