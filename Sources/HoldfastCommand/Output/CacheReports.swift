import Holdfast

/// What `restore --json` prints: what every transfer prints, and where the state comes from.
struct RestoreReport: Encodable {
    let result: RestoreResult

    enum CodingKeys: String, CodingKey {
        case status, source, key, reason, hit, corrupted, restoredPath, asideAt, seededFrom
    }

    func encode(to encoder: any Encoder) throws {
        try TransferReport(result: result.sync).encode(to: encoder)
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(result.status.rawValue, forKey: .status)
        try object.encode(result.source?.rawValue, forKey: .source)
        try object.encode(result.key, forKey: .key)
        try object.encode(result.reason?.rawValue, forKey: .reason)
        try object.encode(result.hit, forKey: .hit)
        try object.encode(result.corrupted, forKey: .corrupted)
        try object.encode(result.restoredPath, forKey: .restoredPath)
        try object.encode(result.asideAt, forKey: .asideAt)
        try object.encode(result.seededFrom?.name, forKey: .seededFrom)
    }
}

/// What `save --json` prints: what every transfer prints, and who has the state now.
struct SaveReport: Encodable {
    let result: WriteThroughResult

    enum CodingKeys: String, CodingKey { case cache, store, cacheKey, cacheBytes }

    func encode(to encoder: any Encoder) throws {
        try TransferReport(result: result.sync).encode(to: encoder)
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(result.cache.rawValue, forKey: .cache)
        try object.encode(result.store.rawValue, forKey: .store)
        try object.encode(result.cacheKey, forKey: .cacheKey)
        try object.encode(result.cacheBytes, forKey: .cacheBytes)
    }
}
