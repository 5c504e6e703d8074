import AgentFiles
import Basics
import Holdfast
import HoldfastService

/// What one run of `watch` watches: settings for each memory, checked before any store is opened.
struct WatchPlan: Sendable {
    struct Item: Sendable {
        let id: String
        let settings: Settings
        let database: String?
        let follow: [AgentIdentity]
        let shareFrom: [AgentIdentity]
    }

    let items: [Item]

    /// - Parameters:
    ///   - memory: the options of the command line.
    ///   - settings: what they, the environment and the file come to without the list of memories.
    ///   - follow: the value of `--follow`; empty if it was not given. So `shareFrom`.
    /// - Throws: ``UsageError``.
    init(
        _ memory: MemoryOptions, _ settings: Settings, _ file: ConfigFile?, follow: [String], shareFrom: [String],
        world: World
    ) async throws {
        let listed = file?.memories ?? []
        guard !listed.isEmpty else {
            items = [
                try Item(
                    id: Self.id(settings, among: []), settings: settings, database: world.variable("OPENCODE_DB"),
                    follow: Self.identities(follow, "--follow", of: settings),
                    shareFrom: Self.identities(shareFrom, "--share-from", of: settings))
            ]
            return
        }
        for (option, value) in [("--repo", memory.repo), ("--agent", memory.agent), ("--storage", memory.storage)]
        where value != nil {
            throw UsageError(
                "\(option) cannot say which of the memories of the config file it is for",
                hint: "Leave it out, or remove 'memories' from the file.")
        }
        var items: [Item] = []
        for (number, entry) in listed.enumerated() {
            let place = "memory \(number + 1) of the config file"
            let flags = entry.values.merging(memory.given) { $1 }
            let settings = try await located(place) { try await Settings.resolve(flags, file: file, world: world) }
            if let other = items.first(where: {
                ObjectStorePath($0.settings.storage) == ObjectStorePath(settings.storage)
            }) {
                throw UsageError(
                    "\(place) has the storage directory of '\(other.id)'", hint: "Give each memory its own 'storage'.")
            }
            items.append(
                try Item(
                    id: Self.id(settings, among: items.map(\.id)), settings: settings, database: entry.database,
                    follow: Self.identities(entry.follow ?? follow, "follow of \(place)", of: settings),
                    shareFrom: Self.identities(entry.shareFrom ?? shareFrom, "share-from of \(place)", of: settings)))
        }
        self.items = items
    }

    /// Paths are bytes.
    private struct ObjectStorePath: Equatable {
        let bytes: [UInt8]
        init(_ text: String) { bytes = Array(text.utf8) }
    }

    private static func identities(_ names: [String], _ place: String, of settings: Settings) throws -> [AgentIdentity]
    {
        try names.flatMap { $0.split(separator: ",") }.map { name in
            let identity = try located(place) { try AgentIdentity(String(name)) }
            guard identity != settings.agent else {
                throw UsageError("\(place) is '\(name)', which is the memory itself", hint: "Name another identity.")
            }
            return identity
        }
    }

    /// A name that fits into a path and tells the memories apart.
    private static func id(_ settings: Settings, among others: [String]) -> String {
        let text = "\(settings.agent)-\(settings.repository ?? "memory")"
        let safe = String(
            decoding: text.utf8.map { byte in
                let isPlain =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "._-".utf8.contains(byte)
                return isPlain ? byte : UInt8(ascii: "-")
            }, as: UTF8.self)
        guard others.contains(safe) else { return safe }
        return (2...).lazy.map { "\(safe)-\($0)" }.first { !others.contains($0) } ?? safe
    }
}

/// ``located(_:_:)`` for work that waits.
private func located<Value>(_ place: String, _ work: () async throws -> Value) async throws -> Value {
    do { return try await work() } catch let error as UsageError {
        throw UsageError("\(place): \(error)", hint: error.hint)
    }
}
