import Configuration
import FileIO
import NIOConcurrencyHelpers
import Yams

/// The values that were given for the settings, layer by layer: option, environment, config file, default.
///
/// swift-configuration decides which layer wins; what is added here is where a value came from, in words.
struct SettingSources: Sendable {
    private let reader: ConfigReader
    private let recorder = OriginRecorder()
    private let variables: [Setting: String]

    /// - Parameters:
    ///   - flags: the options that were given.
    ///   - file: the values of the config file.
    ///   - defaults: the values where nobody says anything.
    init(flags: [Setting: String], world: World, file: ConfigFile?, defaults: [Setting: String]) {
        var environment: [Setting: String] = [:]
        var variables: [Setting: String] = [:]
        for setting in Setting.allCases {
            guard let name = setting.variables.first(where: { world.variable($0) != nil }) else { continue }
            environment[setting] = world.variable(name)
            variables[setting] = name
        }
        self.variables = variables
        reader = ConfigReader(
            providers: [
                Self.layer("option", flags), Self.layer("environment", environment),
                Self.layer(file?.path ?? "config file", file?.values ?? [:]), Self.layer("default", defaults),
            ],
            accessReporter: recorder)
    }

    private static func layer(_ name: String, _ values: [Setting: String]) -> InMemoryProvider {
        InMemoryProvider(
            name: name,
            values: Dictionary(
                uniqueKeysWithValues: values.map { ($0.key.key, ConfigValue(.string($0.value), isSecret: false)) }))
    }

    /// The value that wins, and where it came from; `nil` if nobody set it.
    func value(_ setting: Setting) -> (text: String, origin: String)? {
        guard let text = reader.string(forKey: ConfigKey([setting.rawValue])) else { return nil }
        return (text, origin(setting))
    }

    private func origin(_ setting: Setting) -> String {
        switch recorder.origin(of: setting.rawValue) {
        case "option": "--\(setting.rawValue)"
        case "environment": variables[setting] ?? "environment"
        case let layer: layer ?? "default"
        }
    }
}

/// Remembers which layer answered for a key.
private final class OriginRecorder: AccessReporter {
    private let origins = NIOLockedValueBox<[String: String]>([:])

    func origin(of key: String) -> String? { origins.withLockedValue { $0[key] } }

    func report(_ event: AccessEvent) {
        let winner = event.providerResults.first { result in
            if case .success(let found) = result.result { return found.value != nil }
            return false
        }
        guard let winner else { return }
        // In-memory layers report their name with the kind of provider around it.
        let name = winner.providerName
        let inner = name.firstIndex(of: "[").map { name[$0...].dropFirst().dropLast() }
        origins.withLockedValue {
            $0[event.metadata.key.components.joined(separator: ".")] = inner.map(String.init) ?? name
        }
    }
}

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
                let size = try file.status().size
                guard size <= 1 << 20 else { throw UsageError("the config file '\(path)' is larger than 1 MiB") }
                return try file.bytes()
            }
            text = String(decoding: bytes, as: UTF8.self)
        } catch let error as FileError {
            throw UsageError("the config file cannot be used: \(error)")
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
            throw UsageError("the config file '\(path)' is not a list of 'setting: value' lines")
        }
        for (name, value) in mapping {
            guard let setting = name.string.flatMap({ Setting(rawValue: $0) }) else {
                let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("the config file '\(path)' sets '\(name.string ?? "?")', which is none of: \(known)")
            }
            if let scalar = value.scalar {
                values[setting] = scalar.string
            } else if setting == .include, let items = value.sequence, items.allSatisfy({ $0.scalar != nil }) {
                values[setting] = items.compactMap(\.scalar?.string).joined(separator: ",")
            } else {
                throw UsageError("the config file '\(path)' has no plain value for '\(setting.rawValue)'")
            }
        }
        (self.path, self.values) = (path, values)
    }
}

/// What the user asked for cannot be done, whatever the store says: exit code 64.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    let hint: String?

    init(_ description: String, hint: String? = nil) {
        self.description = description
        self.hint = hint
    }
}
