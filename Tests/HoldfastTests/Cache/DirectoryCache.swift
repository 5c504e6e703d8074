import ActionsCache
import Foundation
import NIOConcurrencyHelpers

@testable import Holdfast

/// A cache service that keeps copies of directories, and answers what a test wants it to.
///
/// For what happens around the service; the real client against a real service is in HoldfastCommandTests.
final class DirectoryCache: CacheService {
    struct State: Sendable {
        /// By key, in the order of their making.
        var entries: [(key: String, directory: String)] = []
        var saved: [String] = []
        var restores = 0
        var restoreAnswer: CacheRestoreOutcome?
        var saveAnswer: CacheSaveOutcome?
        /// Runs before a restore is answered.
        var beforeRestore: (@Sendable () async -> Void)?
    }

    let folder: String
    let state = NIOLockedValueBox(State())

    init(folder: String) { self.folder = folder }

    func answer(restore: CacheRestoreOutcome? = nil, save: CacheSaveOutcome? = nil) {
        state.withLockedValue { ($0.restoreAnswer, $0.saveAnswer) = (restore, save) }
    }

    var savedKeys: [String] { state.withLockedValue { $0.saved } }

    /// The directory of the newest entry.
    var newest: String? { state.withLockedValue { $0.entries.last?.directory } }

    func restore(_ paths: [String], key: String, restoreKeys: [String]) async -> CacheRestoreOutcome {
        await state.withLockedValue { $0.beforeRestore }?()
        let found: (key: String, directory: String)? = state.withLockedValue { state in
            state.restores += 1
            for prefix in [key] + restoreKeys {
                if let entry = state.entries.last(where: { $0.key.hasPrefix(prefix) }) { return entry }
            }
            return nil
        }
        if let answer = state.withLockedValue({ $0.restoreAnswer }) { return answer }
        guard let found else { return .miss }
        do {
            try? FileManager.default.removeItem(atPath: paths[0])
            try FileManager.default.createDirectory(
                at: URL(fileURLWithPath: paths[0]).deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: found.directory, toPath: paths[0])
        } catch { return .failed(reason: "\(error)") }
        return .hit(key: found.key, bytes: 1000)
    }

    func save(_ paths: [String], key: String) async -> CacheSaveOutcome {
        if let answer = state.withLockedValue({ $0.saveAnswer }) { return answer }
        guard !state.withLockedValue({ $0.entries.contains { $0.key == key } }) else { return .exists }
        let directory = "\(folder)/\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: paths[0], toPath: directory)
        } catch { return .failed(reason: "\(error)") }
        state.withLockedValue {
            $0.entries.append((key, directory))
            $0.saved.append(key)
        }
        return .saved(bytes: 1000)
    }
}
