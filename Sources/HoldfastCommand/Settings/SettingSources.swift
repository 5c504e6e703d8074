import Configuration
import NIOConcurrencyHelpers

/// The values that were given for the settings, layer by layer: option, environment, config file, default.
///
/// swift-configuration decides which layer wins; what is added here is where a value came from, in words.
struct SettingSources: Sendable {
    private let reader: ConfigReader
    private let recorder = OriginRecorder()
    private let variables: [Setting: String]
    private let names: [Setting: String]
    private let filePath: String?

    /// - Parameters:
    ///   - flags: the options that were given.
    ///   - names: what an option is called, where that is not its name with `--` before it.
    ///   - file: the values of the config file.
    ///   - defaults: the values where nobody says anything.
    init(
        flags: [Setting: String], names: [Setting: String] = [:], world: World, file: ConfigFile?,
        defaults: [Setting: String]
    ) {
        var environment: [Setting: String] = [:]
        var variables: [Setting: String] = [:]
        for setting in Setting.allCases {
            guard let name = setting.variables.first(where: { world.variable($0) != nil }) else { continue }
            environment[setting] = world.variable(name)
            variables[setting] = name
        }
        self.variables = variables
        self.names = names
        filePath = file?.path
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

    /// What messages call a setting: the option, the variable, or the line of the config file that set it.
    func place(_ setting: Setting) -> String {
        guard let origin = value(setting)?.origin else { return names[setting] ?? "--\(setting.rawValue)" }
        return origin == filePath
            ? "\(setting.rawValue) in \(origin)" : origin == "default" ? "\(setting.rawValue)" : origin
    }

    /// The value that wins, and where it came from; `nil` if nobody set it.
    func value(_ setting: Setting) -> (text: String, origin: String)? {
        guard let text = reader.string(forKey: ConfigKey([setting.rawValue])) else { return nil }
        return (text, origin(setting))
    }

    private func origin(_ setting: Setting) -> String {
        switch recorder.origin(of: setting.rawValue) {
        case "option": names[setting] ?? "--\(setting.rawValue)"
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
