import NIOCore
import ObjectStore

/// Something that is wrong with a key, or with all that begin with it, for a time.
struct Trouble: Sendable {
    let key: String
    /// By the server's clock.
    let until: Int64
    var kind = StoreError.Kind.denied
}

extension WorldState {
    /// So many objects are damaged at a time.
    private static let mostDamaged = 3

    /// Damages an object.
    /// - Returns: whether there was one.
    mutating func damageOne() -> Bool {
        guard damageCount < plan.damages, bucket.damages.count < Self.mostDamaged else { return false }
        guard let key = pickObject(except: Set(bucket.damages.keys)), let size = bucket[key]?.content.readableBytes,
            size > 0
        else { return false }
        damageCount += 1
        let kind = pickDamage(of: key, size)
        bucket.damage(key, Damage(kind, isTagged: dice.chance(500)))
        trouble(key)
        var end = ""
        if dice.chance(600) {
            repairs.append(Trouble(key: key.text, until: now + duration()))
            end = ", for a time"
        }
        note("\(shortened(key.text)) is damaged: \(kind)\(end)")
        return true
    }

    private mutating func pickDamage(of key: ObjectKey, _ size: Int) -> Damage.Kind {
        // A mark that is gone is what another prune leaves behind.
        switch dice.number(in: key.text.contains("/prune/") ? 1...2 : 0...2) {
        case 0: return .gone
        case 1: return .cut(dice.number(in: 0...(size - 1)))
        default:
            let byte = dice.number(in: 0...(size - 1))
            // A commit is text that no checksum covers: where another letter takes the place of one, it is another commit and
            // no damage. The version of a pack is such a place as well.
            if key.text.contains("/commits/") { return .flipped(byte: byte, bit: 7) }
            return byte == 4 ? .cut(byte) : .flipped(byte: byte, bit: dice.number(in: 0...7))
        }
    }

    /// Loses the newest commit, if no other one can get its key, and nobody waits for an answer.
    /// - Returns: whether it is lost.
    mutating func loseOne() -> Bool {
        let keys = bucket.keys.filter { $0.text.contains("/commits/") }
        guard calls.isEmpty, lateWrites.isEmpty, keys.count > 2, let key = keys.first,
            key.text.split(separator: "/").last?.contains("-") == true
        else { return false }
        bucket.lose(key)
        trouble(key)
        note("\(shortened(key.text)) is lost")
        return true
    }

    /// Begins to refuse an object.
    /// - Returns: whether there was one.
    mutating func refuseOne() -> Bool {
        guard let key = pickObject(except: Set(refusals.map { ObjectKey($0.key) })) else { return false }
        let refusal = Trouble(key: key.text, until: now + duration(), kind: dice.chance(500) ? .denied : .invalid)
        refusals.append(refusal)
        note("\(shortened(key.text)) is refused: \(refusal.kind.rawValue)")
        return true
    }

    /// Begins to refuse listings.
    /// - Returns: whether there is anything to be listed.
    mutating func refuseListing() -> Bool {
        guard let key = bucket.keys.first?.text, let slash = key.firstRange(of: "/commits/")?.lowerBound else {
            return false
        }
        let part = dice.pick(["/", "/commits/", "/packs/", "/prune/"])
        let refusal = Trouble(
            key: key[..<slash] + part, until: now + duration(), kind: dice.chance(500) ? .denied : .invalid)
        refusedListings.append(refusal)
        note("lists of \(refusal.key) are refused: \(refusal.kind.rawValue)")
        return true
    }

    /// Mostly one of the newest commits: the others matter less.
    private mutating func pickObject(except others: Set<ObjectKey>) -> ObjectKey? {
        let part = ["/commits/", "/packs/", "/prune/"][dice.pick(weights: [5, 4, 1])]
        let keys = bucket.keys.filter { $0.text.contains(part) && !others.contains($0) }
        guard !keys.isEmpty else { return nil }
        return dice.pick(part == "/commits/" && dice.chance(700) ? Array(keys.prefix(3)) : keys)
    }

    private mutating func duration() -> Int64 {
        let minutes = [1...10, 10...180, 180...2400][dice.pick(weights: [3, 4, 2])]
        return Int64(dice.number(in: minutes)) * 60 * 1_000_000_000
    }

    /// Ends what was to last until now.
    mutating func endTroubles() {
        if repairs.isEmpty && refusals.isEmpty && refusedListings.isEmpty { return }
        for repair in repairs where repair.until <= now && bucket.damages[ObjectKey(repair.key)] != nil {
            bucket.repair(ObjectKey(repair.key))
            note("\(shortened(repair.key)) is repaired")
        }
        for refusal in refusals + refusedListings where refusal.until <= now {
            note("\(shortened(refusal.key)) is refused no more")
        }
        repairs.removeAll { $0.until <= now }
        refusals.removeAll { $0.until <= now }
        refusedListings.removeAll { $0.until <= now }
    }

    mutating func endRefusals() {
        refusals = []
        refusedListings = []
    }

    mutating func repairAll() {
        for key in bucket.damages.keys.sorted() { bucket.repair(key) }
        note("all that was damaged is repaired")
    }

    /// What the store says instead of what it has; `nil` if it does not refuse.
    func refusal(of key: ObjectKey, _ request: StoreRequest) -> StoreError? {
        refusals.first { $0.key == key.text }.map { $0.error(request) }
    }

    func refusal(ofListing prefix: String, _ request: StoreRequest) -> StoreError? {
        refusedListings.first { prefix.hasPrefix($0.key) }.map { $0.error(request) }
    }

    // MARK: What clients have seen

    /// An object may look damaged or absent to all who are at work.
    mutating func trouble(_ key: ObjectKey) {
        for index in clients.indices { clients[index].troubled.insert(key) }
    }

    mutating func startsWork(_ client: Int) {
        clients[client].wasAway = false
        clients[client].workBegan = steps
        clients[client].troubled = Set(bucket.damages.keys)
    }
}

extension Trouble {
    /// 403, or a status of which only the class is known.
    fileprivate func error(_ request: StoreRequest) -> StoreError {
        guard kind == .invalid else { return request.error(.denied, "access denied") }
        var error = request.error(.invalid, "the store answered with status 423")
        error.status = 423
        return error
    }
}
