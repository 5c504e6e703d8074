import ArgumentParser
import HoldfastLogging
import S3Store

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Print every setting with its value and where it came from. Secrets are masked.")

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        try await perform("config", memory, output) { settings, console in
            let lines = settings.report + [await credentials(settings, console)]
            console.report(ConfigReport(lines))
            let width = lines.map(\.name.count).max() ?? 0
            for line in lines {
                let name = line.name + String(repeating: " ", count: width - line.name.count)
                console.say("\(name)  \(line.value ?? "-")  (\(line.origin))")
            }
        }
    }
}

/// Which credentials would be used: the end of the key id and the provider, nothing more. It is no error to have none.
private func credentials(_ settings: Settings, _ console: Console) async -> Settings.Line {
    guard case .s3 = settings.store else {
        return Settings.Line(name: "credentials", value: nil, origin: "not needed by this store")
    }
    do {
        let found = try await settings.credentials(console).current()
        return Settings.Line(name: "credentials", value: "…\(found.accessKeyID.suffix(4))", origin: found.provider)
    } catch {
        console.note("\(error)")
        let isNotFound = (error as? CredentialError)?.isNotFound == true
        return Settings.Line(name: "credentials", value: nil, origin: isNotFound ? "not found" : "cannot be used")
    }
}

/// What `config --json` prints.
private struct ConfigReport: Encodable {
    struct Entry: Encodable {
        let value: String?
        let source: String

        enum CodingKeys: CodingKey { case value, source }

        func encode(to encoder: any Encoder) throws {
            var entry = encoder.container(keyedBy: CodingKeys.self)
            // `null` where nobody set it.
            try entry.encode(value, forKey: .value)
            try entry.encode(source, forKey: .source)
        }
    }

    let success = true
    let settings: [String: Entry]

    init(_ lines: [Settings.Line]) {
        settings = Dictionary(lines.map { ($0.name, Entry(value: $0.value, source: $0.origin)) }) { first, _ in first }
    }
}
