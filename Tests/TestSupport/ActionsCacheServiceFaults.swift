import NIOCore

/// A kind of request to the ``ActionsCacheService``.
public enum ActionsCacheCall: String, Sendable, CaseIterable {
    case create, finalize, lookUp, putBlob, putBlock, putBlockList, get, head, unknown
}

/// What happens to one request instead of an ordinary answer.
public enum ActionsCacheFault: Sendable {
    case none
    /// A Twirp error of this status, or an XML one from the blob plane.
    case status(Int, retryAfter: Int? = nil)
    /// An error with words, as the control plane writes it.
    case message(Int, code: String, String)
    /// A body that is no JSON.
    case gateway(Int)
    case reset
    /// The request is carried out, and then the connection breaks: the client cannot know.
    case resetAfterwards
    /// The body ends early.
    case truncated
    /// Half of the body, then silence.
    case stall
    /// Another range than the one asked for.
    case otherRange
}

/// How an ``ActionsCacheService`` behaves where services differ.
public struct ActionsCacheBehaviour: Sendable {
    /// Answers a taken key with `ok: false` and no word, as self-hosted services do.
    public var refusesWithoutWords = false
    /// Leaves out fields that have their default value.
    public var omitsDefaults = false
    /// "Not found" for so many calls of finalize.
    public var finalizeNotFound = 0
    /// Hides the newest entry from so many lookups.
    public var staleLookUps = 0
    public var ignoresRange = false
    public var refusesHead = false
    /// Sends bodies in chunks, without their length.
    public var omitsLength = false
    /// In seconds.
    public var uploadLifetime = 3600
    public var downloadLifetime = 600
    /// A download address works so often; 0 for as long as it lives.
    public var downloadUses = 0

    public init() {}
}
