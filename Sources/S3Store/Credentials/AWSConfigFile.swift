import FileIO

/// The settings of one profile or section.
struct AWSSettings: Sendable, Equatable {
    private enum Value: Equatable { case text(String), block([String: String]) }

    private var values: [String: Value] = [:]

    /// - Throws: ``INIError`` for a block with a line that is no setting.
    fileprivate init(_ section: INIFile.Section) throws(INIError) {
        for (name, value) in section.options {
            // A value that begins on the next line is a block of settings, as that of `s3`.
            values[name] = value.hasPrefix("\n") ? .block(try Self.block(value)) : .text(value)
        }
    }

    /// Whether the setting is there, be it empty.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// A setting exactly as it stands in the file, possibly empty.
    func raw(_ name: String) -> String? {
        if case .text(let text)? = values[name] { text } else { nil }
    }

    /// A setting without the comment that may follow it: white space and `#` or `;` (AWS SDKs and Tools Reference Guide,
    /// "Shared config and credentials files"). For all settings that cannot hold such a thing themselves.
    func plain(_ name: String) -> String? {
        guard let text = raw(name) else { return nil }
        let scalars = text.unicodeScalars
        for index in scalars.indices.dropFirst() where scalars[index] == "#" || scalars[index] == ";" {
            guard scalars[scalars.index(before: index)].isPythonSpace else { continue }
            return String(scalars[..<index].trimmed)
        }
        return text
    }

    /// A block of settings, as that of `s3`.
    func block(_ name: String) -> [String: String]? {
        if case .block(let block)? = values[name] { block } else { nil }
    }

    /// These settings, replaced by those that `other` has as well.
    func merging(_ other: AWSSettings) -> AWSSettings {
        var result = self
        result.values.merge(other.values) { $1 }
        return result
    }

    private static func block(_ text: String) throws(INIError) -> [String: String] {
        var settings: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.unicodeScalars.trimmed.isEmpty {
            guard let sign = line.firstIndex(of: "=") else {
                throw INIError(line: 0, reason: "a line of an indented block is no “name = value”")
            }
            let name = String(line[..<sign].unicodeScalars.trimmed)
            settings[name] = String(line[line.index(after: sign)...].unicodeScalars.trimmed)
        }
        return settings
    }
}

/// `~/.aws/config` or `~/.aws/credentials`.
struct AWSConfigFile: Sendable {
    /// For messages.
    let path: String
    let sections: [(name: String, settings: AWSSettings)]

    /// - Throws: ``CredentialError`` for a file that is no such file. A broken file is never taken for an empty one.
    init(_ bytes: [UInt8], path: String) throws(CredentialError) {
        self.path = printable(path.utf8)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CredentialError(.configuration, "The file '\(self.path)' is not UTF-8 text.")
        }
        do throws(INIError) {
            var sections: [(name: String, settings: AWSSettings)] = []
            for section in try INIFile(text).sections {
                sections.append((section.name, try AWSSettings(section)))
            }
            self.sections = sections
        } catch {
            // A byte order mark stands in front of the first bracket, and is not to be seen in an editor.
            let advice =
                bytes.starts(with: [0xEF, 0xBB, 0xBF])
                ? "Save it as UTF-8 without a byte order mark." : "Correct the file, or move it away."
            let place = error.line > 0 ? " at line \(error.line)" : ""
            throw CredentialError(
                .configuration, "The file '\(self.path)' cannot be read\(place): \(error.reason).", advice: advice)
        }
    }

    /// The profiles of a credentials file: every section is one.
    var credentialProfiles: [String: AWSSettings] {
        Dictionary(sections.map { ($0.name, $0.settings) }) { $1 }
    }

    /// The profiles of a config file: `[default]` and `[profile NAME]`, with quotes around a name that has blanks. Of
    /// two sections for one profile the later counts.
    var configProfiles: [String: AWSSettings] {
        Dictionary(
            sections.compactMap { section in
                let name = section.name == "default" ? section.name : argument(of: section.name, kind: "profile")
                return name.map { ($0, section.settings) }
            }
        ) { $1 }
    }

    /// The blocks of `[services NAME]`.
    var services: [String: AWSSettings] {
        Dictionary(
            sections.compactMap { section in
                argument(of: section.name, kind: "services").map { ($0, section.settings) }
            }
        ) { $1 }
    }

    private func argument(of section: String, kind: String) -> String? {
        guard section.hasPrefix(kind), let words = shellWords(section), words.count == 2 else { return nil }
        return words[1]
    }
}
