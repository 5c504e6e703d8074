/// One entry of `memories` in the config file: what `watch` watches.
///
///     memories:
///       - repo: octo-org/website
///         agent: discord
///         storage: /var/lib/bot/website/opencode/storage
///         follow: [github]
///       - repo: octo-org/api
///         storage: /var/lib/bot/api/opencode/storage
struct ConfiguredMemory: Sendable, Equatable {
    /// They stand above the environment and the rest of the file.
    var values: [Setting: String] = [:]
    /// As `OPENCODE_DB`, which is for one memory only.
    var database: String?
    /// As `--follow`; `nil` if the entry says nothing.
    var follow: [String]?
    /// As `--share-from`.
    var shareFrom: [String]?

    /// - Throws: ``UsageError``.
    static func list(_ value: YAMLDocument.Value, _ path: String) throws -> [ConfiguredMemory] {
        guard case .list(let items) = value, !items.isEmpty else {
            throw UsageError(
                "the config file '\(path)' has no list of memories under 'memories'",
                hint: "Write an entry such as '- {repo: OWNER/NAME, storage: /DIR}' for each.")
        }
        return try items.enumerated().map { try ConfiguredMemory($1, "memory \($0 + 1) in '\(path)'") }
    }

    private init(_ value: YAMLDocument.Value, _ place: String) throws {
        guard case .mapping(let items) = value else {
            throw UsageError("\(place) is not a list of settings", hint: "Write lines such as 'repo: OWNER/NAME'.")
        }
        for item in items {
            switch item.name {
            case "follow": follow = try Self.texts(item.value, "follow", place)
            case "share-from": shareFrom = try Self.texts(item.value, "share-from", place)
            case "database": database = try Self.texts(item.value, "database", place).joined(separator: ",")
            case let text:
                guard let setting = text.flatMap({ Setting(rawValue: $0) }) else {
                    throw UsageError(
                        "\(place) sets '\(text ?? "?")', which is no setting",
                        hint:
                            "Settings: repo, agent, storage, database, follow, share-from and those of 'holdfast config'."
                    )
                }
                values[setting] = try Self.texts(item.value, setting.rawValue, place).joined(separator: ",")
            }
        }
    }

    private static func texts(_ value: YAMLDocument.Value, _ name: String, _ place: String) throws -> [String] {
        guard let texts = value.texts else { throw UsageError("\(place) has no plain value for '\(name)'") }
        return texts
    }
}
