import NIOCore

/// A place that keeps objects under keys: S3, a local directory, memory.
///
/// This box holds what every store shares: keys, bodies, errors, listing, bounded concurrency, and the two stores that
/// need no server. One conformance suite runs against all of them. An instance serves many tasks at once.
public protocol ObjectStore: Sendable {
    /// Abilities of this store beyond the basics.
    var capabilities: StoreCapabilities { get }

    /// Where this store is, for people: `s3://bucket`, `file:///dir`.
    var location: String { get }

    /// Opens an object for reading; bytes flow only as fast as they are taken.
    /// - Parameters:
    ///   - key: which object.
    ///   - range: byte offsets, half open; the whole object if `nil`. An end behind the object's is cut.
    ///   - ifMatch: the version that must still be there.
    /// - Throws: ``StoreError``; `notFound` only if the store proved it, `preconditionFailed` for another version.
    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent

    /// Facts about an object.
    /// - Throws: ``StoreError``.
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo

    /// Writes an object: a reader sees the old one or the whole new one.
    /// - Returns: the object as it is stored now.
    /// - Throws: ``StoreError``; `alreadyExists` or `conflict` where the rule forbids the write.
    @discardableResult
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo

    /// One page of the keys with a prefix, in the store's order, which is that of the bytes on all but a few servers.
    /// - Parameters:
    ///   - prefix: compared byte by byte; `/` has no meaning.
    ///   - token: where the page before ended; `nil` for the first.
    ///   - limit: at most this many objects, up to 1,000.
    /// - Throws: ``StoreError``; a store that may not be listed is `denied`, never empty.
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage

    /// Removes objects. A key that is not there counts as removed.
    /// - Returns: the keys that were not removed, each with its reason.
    /// - Throws: ``StoreError`` if the request as a whole failed.
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure]

    /// Whether an object is proven to hold this very content, without transferring it.
    ///
    /// Sizes and times prove nothing. `false` means different, or that the store cannot tell.
    /// - Parameters:
    ///   - body: the content, here.
    ///   - object: the object, as a listing or ``head(_:)`` described it.
    /// - Throws: ``StoreError``.
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool
}

/// A key that a delete did not remove.
public struct DeleteFailure: Sendable {
    public let key: ObjectKey
    public let error: StoreError
    public init(key: ObjectKey, error: StoreError) {
        self.key = key
        self.error = error
    }
}

extension ObjectStore {
    /// Opens a whole object, whichever version it is.
    public func get(_ key: ObjectKey) async throws(StoreError) -> ObjectContent {
        try await get(key, range: nil, ifMatch: nil)
    }

    /// Facts about an object, or `nil` if it is proven not to exist.
    public func find(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo? {
        do { return try await head(key) } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// The objects whose keys start with a prefix, page by page as the consumer gets there.
    public func list(prefix: String, pageSize: Int = 1000) -> ObjectListing {
        ObjectListing { token throws(StoreError) in try await page(prefix: prefix, after: token, limit: pageSize) }
    }
}
