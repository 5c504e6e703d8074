import Holdfast
import NIOConcurrencyHelpers
import ObjectStore
import S3Store

/// A store that writes down what is asked of which part of a memory.
struct RecordingStore: ObjectStore {
    struct Use: Hashable, CustomStringConvertible {
        let operation: StoreOperation
        let part: MemoryPart
        var description: String { "\(operation) \(part)" }
    }

    let objects: any ObjectStore
    let memory: String
    private let log = NIOLockedValueBox<Set<Use>>([])
    /// What was asked for outside the memory, or for something that is no part of one.
    private let strays = NIOLockedValueBox<[String]>([])
    private let hook = NIOLockedValueBox<(@Sendable () async throws -> Void)?>(nil)

    init(_ objects: any ObjectStore, memory: String) { (self.objects, self.memory) = (objects, memory) }

    var uses: Set<Use> { log.withLockedValue { $0 } }
    var unknown: [String] { strays.withLockedValue { $0 } }

    /// Runs something once, before the next object of the mirror view is written.
    func beforeNextMirrorWrite(_ work: @escaping @Sendable () async throws -> Void) {
        hook.withLockedValue { $0 = work }
    }

    /// Forgets what was written down.
    func reset() { log.withLockedValue { $0 = [] } }

    private func note(_ operation: StoreOperation, _ key: some StringProtocol) {
        let key = String(key)
        let part = MemoryPart.allCases.first { part in
            part == .mirrorMark ? key == "\(memory)/mirror" : key.hasPrefix("\(memory)/\(part.rawValue)/")
        }
        guard let part else { return strays.withLockedValue { $0.append("\(operation) \(key)") } }
        log.withLockedValue { _ = $0.insert(Use(operation: operation, part: part)) }
    }

    var location: String { objects.location }
    /// As a store whose creates have to be raced.
    var capabilities: StoreCapabilities {
        var all = objects.capabilities
        all.createOnly = .unproven
        return all
    }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        note(.read, key.text)
        return try await objects.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        note(.read, key.text)
        return try await objects.head(key)
    }

    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        if key.text.hasPrefix("\(memory)/storage/") {
            let work = hook.withLockedValue { hook in
                defer { hook = nil }
                return hook
            }
            do { try await work?() } catch { throw StoreError(wrapping: error, "write") }
        }
        let info = try await objects.put(key, body, rule)
        note(info.size > S3Store.largestWhole ? .writeInParts : .write, key.text)
        return info
    }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        note(.list, prefix)
        return try await objects.page(prefix: prefix, after: token, limit: limit)
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        for key in keys { note(.delete, key.text) }
        return try await objects.delete(keys)
    }

    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        note(.read, object.key.text)
        return try await objects.holds(body, as: object)
    }
}
