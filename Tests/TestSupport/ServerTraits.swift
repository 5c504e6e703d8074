/// In what a server differs from S3, so that a test can say what it expects of each.
///
/// The values are facts about the pinned versions; a test measures them again with `scripts/servers/probe.py`.
public struct ServerTraits: Sendable, Codable, Equatable {
    /// `If-None-Match: *` and `If-Match` on PUT are obeyed, and of concurrent creators exactly one wins.
    public var honoursConditionalPut = true
    /// `If-Match` on GET is obeyed.
    public var honoursConditionalGet = true
    /// A range is answered with 206, not with 200 and `Content-Range`.
    public var answersRangeWith206 = true
    /// A body that does not match `x-amz-content-sha256` is refused.
    public var checksPayloadHash = false
    /// A body that does not match `x-amz-checksum-sha256` is refused.
    public var checksChecksumHeader = true
    /// A signature made with another secret is answered with 403.
    public var rejectsWrongSecret = true
    /// A request signed twenty minutes in the past or in the future is answered with 403.
    public var rejectsSkewedClock = true
    public var supportsMultipart = true
    /// Parts other than the last must have 5 MiB.
    public var refusesSmallParts = true
    /// `a//b` and `/lead` are keys like others.
    public var keepsEmptySegments = true
    /// `a/../b` and `./c` are keys like others.
    public var keepsDotSegments = true
    /// `ab` and `ab/cd` can both be objects.
    public var keepsKeyBelowKey = true
    /// Keys are listed in the order of their bytes.
    public var listsInByteOrder = true
    /// A listing can be continued behind a key that is not ASCII.
    public var pagesNonASCIIKeys = true
    /// DeleteObjects works without `Content-MD5` and without a checksum header.
    public var deletesManyWithoutChecksum = true
    /// `x-amz-server-side-encryption: AES256` is taken and reported.
    public var encryptsOnRequest = true
}

extension TestServerKind {
    /// What was measured; fields not named here are as in S3 (without the payload hash, which most servers skip).
    public var traits: ServerTraits {
        switch self {
        case .ministack: ServerTraits(refusesSmallParts: false)
        case .juicefs:
            ServerTraits(
                honoursConditionalPut: false, checksPayloadHash: true, checksChecksumHeader: false,
                refusesSmallParts: false, keepsEmptySegments: false, keepsDotSegments: false, keepsKeyBelowKey: false,
                deletesManyWithoutChecksum: false, encryptsOnRequest: false)
        case .seaweedfs: ServerTraits(keepsEmptySegments: false, keepsDotSegments: false, listsInByteOrder: false)
        case .rclone:
            ServerTraits(
                honoursConditionalPut: false, honoursConditionalGet: false, answersRangeWith206: false,
                checksChecksumHeader: false, rejectsSkewedClock: false, refusesSmallParts: false,
                keepsEmptySegments: false, keepsDotSegments: false, keepsKeyBelowKey: false)
        case .moto:
            ServerTraits(checksChecksumHeader: false, rejectsWrongSecret: false, rejectsSkewedClock: false)
        case .localstack:
            ServerTraits(rejectsWrongSecret: false, rejectsSkewedClock: false, pagesNonASCIIKeys: false)
        }
    }
}
