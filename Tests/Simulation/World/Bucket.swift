import NIOCore
import ObjectStore

/// How a store treats `createOnly`, and what it says of that.
package enum Conditions: String, Sendable, CaseIterable {
    /// Exactly one create wins, and the store is known for it.
    case enforced
    /// Exactly one create wins, but nobody knows that.
    case enforcedUnproven
    /// Every write passes.
    case ignored
    /// The key is looked up when the request arrives and written when it is complete, without a lock in between.
    case racy
    /// A write with a condition is refused.
    case unsupported

    var declared: StoreCapabilities.CreateOnly {
        switch self {
        case .enforced: .enforced
        case .enforcedUnproven, .ignored, .racy: .unproven
        case .unsupported: .unsupported
        }
    }
}

/// A write that took effect.
package struct Write: Sendable {
    package let key: ObjectKey
    /// Who sent it.
    package let client: Int
    /// What may have looked damaged or absent to the client when it sent the write.
    package let troubled: Set<ObjectKey>

    init(_ key: ObjectKey, by client: Int, troubled: Set<ObjectKey>) {
        self.key = key
        self.client = client
        self.troubled = troubled
    }
}

/// What is in the store: the truth that no fault hides, with the semantics of S3.
package struct Bucket: Sendable {
    package struct Stored: Sendable {
        package let content: ByteBuffer
        /// Counts the writes of the whole bucket.
        package let version: Int
        /// By the server's clock, in nanoseconds since 1970.
        package let modified: Int64
    }

    /// Something that happened to one object.
    package enum Change: Sendable {
        case written(Write)
        /// - Parameter troubled: what may have looked damaged or absent to the client that removed it.
        case removed(ObjectKey, troubled: Set<ObjectKey>)
        case damaged(ObjectKey)
        case repaired(ObjectKey)
        case lost(ObjectKey)
    }

    let conditions: Conditions
    private var objects: [ObjectKey: Stored] = [:]
    private var order: [ObjectKey] = []
    /// Objects of which readers see something else than what was written.
    package private(set) var damages: [ObjectKey: Damage] = [:]
    private var writes = 0
    /// What happened since the last check.
    private(set) var changes: [Change] = []

    init(conditions: Conditions) { self.conditions = conditions }

    /// An object as it was written, whatever has become of it.
    package subscript(key: ObjectKey) -> Stored? { objects[key] }
    /// All keys, in the order of their bytes.
    package var keys: [ObjectKey] { order }

    mutating func takeChanges() -> [Change] {
        defer { changes.removeAll(keepingCapacity: true) }
        return changes
    }

    /// What a listing says of an object.
    func info(_ key: ObjectKey) -> ObjectInfo? {
        guard let stored = objects[key] else { return nil }
        let damage = damages[key]
        var size = stored.content.readableBytes
        if case .cut(let length)? = damage?.kind { size = length }
        let tag = "\"version-\(stored.version)\(damage?.isTagged == true ? "-damaged" : "")\""
        return ObjectInfo(key: key, size: Int64(size), etag: ETag(tag), lastModified: stored.modified)
    }

    /// What a reader gets of an object.
    func content(_ key: ObjectKey) -> ByteBuffer? {
        guard let stored = objects[key] else { return nil }
        return damages[key].map { $0.applied(to: stored.content) } ?? stored.content
    }

    mutating func damage(_ key: ObjectKey, _ damage: Damage) {
        guard objects[key] != nil else { return }
        damages[key] = damage
        changes.append(.damaged(key))
    }

    mutating func repair(_ key: ObjectKey) {
        guard damages.removeValue(forKey: key) != nil else { return }
        changes.append(.repaired(key))
    }

    /// - Parameter wasFree: whether the key was free when the request was sent.
    mutating func put(
        _ write: Write, _ content: ByteBuffer, _ rule: WriteRule, wasFree: Bool, at time: Int64
    ) throws(StoreError) -> ObjectInfo {
        let key = write.key
        if rule == .createOnly {
            let isFree =
                switch conditions {
                case .enforced, .enforcedUnproven: objects[key] == nil
                case .racy: wasFree
                case .ignored: true
                case .unsupported:
                    throw StoreError(.unsupported, "create", key: key, "the store knows no conditional writes")
                }
            guard isFree else { throw StoreError(.alreadyExists, "create", key: key, "already exists") }
        }
        writes += 1
        if objects.updateValue(Stored(content: content, version: writes, modified: time), forKey: key) == nil {
            order.insert(key, at: place(of: key))
        }
        repair(key)
        changes.append(.written(write))
        return ObjectInfo(
            key: key, size: Int64(content.readableBytes), etag: ETag("\"version-\(writes)\""), lastModified: time)
    }

    mutating func remove(_ key: ObjectKey, troubled: Set<ObjectKey>) {
        guard objects.removeValue(forKey: key) != nil else { return }
        order.remove(at: place(of: key))
        damages[key] = nil
        changes.append(.removed(key, troubled: troubled))
    }

    /// Loses an object for good.
    mutating func lose(_ key: ObjectKey) {
        guard objects.removeValue(forKey: key) != nil else { return }
        order.remove(at: place(of: key))
        damages[key] = nil
        changes.append(.lost(key))
    }

    func page(prefix: String, after token: String?, limit: Int) -> ObjectPage {
        var place = place(of: ObjectKey(prefix))
        if let token {
            let last = ObjectKey(token)
            place = max(place, self.place(of: last))
            if place < order.count, order[place] == last { place += 1 }
        }
        var found: [ObjectInfo] = []
        while place < order.count, order[place].hasPrefix(prefix) {
            if found.count == limit { return ObjectPage(objects: found, next: found.last?.key.text) }
            if let info = info(order[place]) { found.append(info) }
            place += 1
        }
        return ObjectPage(objects: found, next: nil)
    }

    /// Where a key is in the order, or would be.
    private func place(of key: ObjectKey) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
