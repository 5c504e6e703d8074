import ActionsCache
import Foundation
import Logging
import NIOConcurrencyHelpers
import TestSupport

/// A runner's folders with something to cache in them, and a client whose waits take no time.
struct CacheFixture {
    let folder: URL
    let waits = CacheWaits()
    let logs = CacheLogs()

    var workspace: String { folder.appendingPathComponent("work/repo/repo").path }
    var temporary: String { folder.appendingPathComponent("temp").path }
    /// What is cached.
    var memory: String { folder.appendingPathComponent("home/.local/share/memory").path }

    static func run<Result>(_ body: (CacheFixture) async throws -> Result) async throws -> Result {
        try await withTemporaryDirectory("cache") { folder in
            let fixture = CacheFixture(folder: folder)
            for path in [fixture.workspace, fixture.temporary, fixture.memory] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            return try await body(fixture)
        }
    }

    /// ``run(_:)`` with a v2 service.
    static func run<Result>(
        _ behaviour: ActionsCacheBehaviour = ActionsCacheBehaviour(),
        _ body: (CacheFixture, ActionsCacheService) async throws -> Result
    ) async throws -> Result {
        try await run { fixture in
            try await ActionsCacheService.run(behaviour) { service in try await body(fixture, service) }
        }
    }

    /// The client of a v2 service.
    func cache(
        _ service: ActionsCacheService, token: String? = nil, adding variables: [String: String] = [:],
        _ configure: (inout ActionsCache.Options) -> Void = { _ in }
    ) throws -> ActionsCache {
        let environment = service.environment(token: token, workspace: workspace, temporary: temporary)
        return try cache(environment.merging(variables) { $1 }, configure)
    }

    func cache(
        _ environment: [String: String], _ configure: (inout ActionsCache.Options) -> Void = { _ in }
    ) throws -> ActionsCache {
        var options = ActionsCache.Options()
        options.timing = waits.timing
        configure(&options)
        switch ActionsCache.find(environment, options: options, logger: logs.logger) {
        case .available(let cache): return cache
        case .unavailable(let reason): throw Unavailable(reason: reason)
        }
    }

    struct Unavailable: Error { let reason: String }

    /// Writes some files of different kinds into ``memory``.
    func fill(_ seed: UInt64 = 1, size: Int = 100_000) throws {
        var random = SeededGenerator(seed: seed)
        let files = FileManager.default
        for directory in ["sessions/deep/er", "empty"] {
            try files.createDirectory(atPath: "\(memory)/\(directory)", withIntermediateDirectories: true)
        }
        let long = String(repeating: "long-name-", count: 20)
        for name in ["sessions/a.json", "sessions/deep/er/b", "caché-日本", "sessions/\(long)", "-dash", "line\nfeed"] {
            try Data(random.bytes(Int.random(in: 0...5000, using: &random)))
                .write(to: URL(fileURLWithPath: "\(memory)/\(name)"))
        }
        try Data(random.bytes(size)).write(to: URL(fileURLWithPath: "\(memory)/big"))
        try Data().write(to: URL(fileURLWithPath: "\(memory)/nothing"))
        try files.createSymbolicLink(atPath: "\(memory)/sessions/link", withDestinationPath: "../big")
        try files.linkItem(atPath: "\(memory)/big", toPath: "\(memory)/sessions/second-name")
        try files.setAttributes([.posixPermissions: 0o750], ofItemAtPath: "\(memory)/sessions/a.json")
        try files.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000.5)], ofItemAtPath: "\(memory)/nothing")
    }

    /// All that is below a directory: kind, mode, time and content of each.
    func contents(_ directory: String? = nil) throws -> [String: String] {
        let root = directory ?? memory
        var found: [String: String] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init() {
            let path = "\(root)/\(name)"
            var information = stat()
            guard lstat(path, &information) == 0 else { continue }
            let time = "\(information.st_mtim.tv_sec).\(information.st_mtim.tv_nsec)"
            switch information.st_mode & S_IFMT {
            case S_IFLNK: found[name] = "link \(try FileManager.default.destinationOfSymbolicLink(atPath: path))"
            case S_IFDIR: found[name] = "directory \(information.st_mode & 0o777)"
            default:
                let content = try Data(contentsOf: URL(fileURLWithPath: path)).base64EncodedString()
                found[name] = "file \(information.st_mode & 0o777) \(time) \(information.st_nlink) \(content)"
            }
        }
        return found
    }

    func empty() throws { try FileManager.default.removeItem(atPath: memory) }

    /// What is left in the folders that nothing may be left in.
    func leftovers() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: temporary)
            + FileManager.default.contentsOfDirectory(atPath: "\(memory)/..").filter { $0 != "memory" }
    }
}

/// The waits between attempts that a client asked for; they take no time.
final class CacheWaits: Sendable {
    private let all = NIOLockedValueBox<[Duration]>([])
    var recorded: [Duration] { all.withLockedValue { $0 } }
    var timing: CacheTiming {
        CacheTiming(random: { 0 }) { duration in
            try Task.checkCancellation()
            self.all.withLockedValue { $0.append(duration) }
        }
    }
}

/// Everything that is logged, at every level, as text.
final class CacheLogs: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])
    var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }
    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(logs: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let logs: CacheLogs
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            logs.lines.withLockedValue { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}

extension CacheSaveOutcome {
    var isSaved: Bool { if case .saved = self { true } else { false } }
}

extension CacheRestoreOutcome {
    /// The key of a hit.
    var key: String? { if case .hit(let key, _) = self { key } else { nil } }
    /// The words of a failure of any kind.
    var words: String {
        switch self {
        case .denied(let reason), .unusable(_, let reason), .failed(let reason): reason
        case .hit, .miss: ""
        }
    }
}
