import FileIO
import Yams

/// The config file: YAML with one value for each setting.
struct ConfigFile: Sendable {
    let path: String
    let values: [Setting: String]

    /// - Throws: ``UsageError`` for a file that cannot be read, is no YAML mapping, or names a setting that does not exist.
    init(path: String) async throws {
        let text: String
        do {
            let bytes = try await FileIO.run { () throws -> [UInt8] in
                let file = try File.open(path, .read)
                let status = try file.status()
                guard status.kind == .regular else { throw UsageError("the config file '\(path)' is not a file") }
                guard status.size <= 1 << 20 else { throw UsageError("the config file '\(path)' is larger than 1 MiB") }
                return try file.bytes()
            }
            text = String(decoding: bytes, as: UTF8.self)
        } catch let error as FileError {
            throw UsageError(
                "the config file cannot be used: \(error)", hint: "Check --config; it names a YAML file with settings.")
        }
        self = try ConfigFile(yaml: text, path: path)
    }

    init(yaml: String, path: String) throws {
        let root: Node?
        do { root = try Yams.compose(yaml: yaml) } catch {
            throw UsageError("the config file '\(path)' is not valid YAML: \(error)")
        }
        var values: [Setting: String] = [:]
        guard let root else {
            (self.path, self.values) = (path, values)
            return
        }
        guard let mapping = root.mapping else {
            throw UsageError(
                "the config file '\(path)' is not a list of settings", hint: "Write lines such as 'store: s3://BUCKET'."
            )
        }
        for (name, value) in mapping {
            guard let setting = name.string.flatMap({ Setting(rawValue: $0) }) else {
                let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(
                    "the config file '\(path)' sets '\(name.string ?? "?")', which is no setting",
                    hint: "Settings: \(known).")
            }
            if let scalar = value.scalar {
                values[setting] = scalar.string
            } else if [.include, .shareFrom].contains(setting), let items = value.sequence,
                items.allSatisfy({ $0.scalar != nil })
            {
                // An empty list is no pattern at all.
                values[setting] = items.isEmpty ? nil : items.compactMap(\.scalar?.string).joined(separator: ",")
            } else {
                throw UsageError("the config file '\(path)' has no plain value for '\(setting.rawValue)'")
            }
        }
        (self.path, self.values) = (path, values)
    }
}
