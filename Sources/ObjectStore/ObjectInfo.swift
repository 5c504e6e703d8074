/// Facts about an object that a store tells without sending it.
public struct ObjectInfo: Sendable, Equatable {
    public var key: ObjectKey
    /// Length of the content in bytes.
    public var size: Int64
    /// `nil` where the store sends none.
    public var etag: ETag?
    /// When the store last wrote the object, by its own clock, in nanoseconds since 1970.
    public var lastModified: Int64?

    public init(key: ObjectKey, size: Int64, etag: ETag? = nil, lastModified: Int64? = nil) {
        self.key = key
        self.size = size
        self.etag = etag
        self.lastModified = lastModified
    }
}

/// Abilities of a store beyond the basics.
public struct StoreCapabilities: Sendable, Equatable {
    /// Whether two creates of one key have exactly one winner.
    public enum CreateOnly: Sendable, Equatable {
        /// The store is known to enforce the condition.
        case enforced
        /// The store accepts the header; whether it means it must be found out by racing creates.
        case unproven
        /// The store is known to ignore or refuse the condition.
        case unsupported
    }

    public var createOnly: CreateOnly
    /// How many keys one delete request takes.
    public var deleteBatch: Int
    /// Objects at least this long, in bytes, are worth reading in several ranges at once; `nil` if never.
    public var rangedReadThreshold: Int64?

    public init(createOnly: CreateOnly, deleteBatch: Int, rangedReadThreshold: Int64? = nil) {
        self.createOnly = createOnly
        self.deleteBatch = deleteBatch
        self.rangedReadThreshold = rangedReadThreshold
    }
}

/// Under which condition a write happens.
public enum WriteRule: Sendable, Equatable {
    /// Replace whatever is there.
    case overwrite
    /// Write only if the key is free: `If-None-Match: *` in S3's terms.
    case createOnly
}
