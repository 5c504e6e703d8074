import FileIO

/// The config file: YAML with one value for each setting, and for `watch` a list of memories.
struct ConfigFile: Sendable {
    let path: String
    let values: [Setting: String]
    /// What `watch` watches, each with settings that stand above ``values``. Other commands do not look at it.
    let memories: [ConfiguredMemory]

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
        let document: YAMLDocument
        do { document = try YAMLDocument(parsing: yaml) } catch {
            throw UsageError("the config file '\(path)' is not valid YAML: \(error)")
        }
        var values: [Setting: String] = [:]
        var memories: [ConfiguredMemory]?
        switch document {
        case .nothing: break
        case .other:
            throw UsageError(
                "the config file '\(path)' is not a list of settings", hint: "Write lines such as 'store: s3://BUCKET'."
            )
        case .mapping(let items):
            for item in items {
                guard item.name == "memories" else {
                    try Self.take(item, from: path, into: &values)
                    continue
                }
                guard memories == nil else {
                    throw UsageError("the config file '\(path)' sets 'memories' more than once")
                }
                memories = try ConfiguredMemory.list(item.value, path)
            }
        }
        (self.path, self.values, self.memories) = (path, values, memories ?? [])
    }

    private static func take(
        _ item: YAMLDocument.Item, from path: String, into values: inout [Setting: String]
    ) throws {
        guard let setting = item.name.flatMap({ Setting(rawValue: $0) }) else {
            let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(
                "the config file '\(path)' sets '\(item.name ?? "?")', which is no setting",
                hint: "Settings: \(known).")
        }
        guard values[setting] == nil else {
            throw UsageError("the config file '\(path)' sets '\(setting.rawValue)' more than once")
        }
        switch (item.value, item.value.texts) {
        case (.text(let text), _): values[setting] = text
        // An empty list is no pattern at all.
        case (.list, let items?) where [.include, .exclude, .shareFrom].contains(setting):
            values[setting] = items.isEmpty ? nil : items.joined(separator: ",")
        default:
            throw UsageError("the config file '\(path)' has no plain value for '\(setting.rawValue)'")
        }
    }
}
