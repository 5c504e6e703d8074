/// Reaction to an answer that says that the bucket lives in another region.
enum RegionRedirect: Sendable, Equatable {
    /// The answer says nothing of the kind, or nothing that can be trusted.
    case stay
    /// Repeat the request there, once, and remember the region for the bucket.
    case region(String)
    /// The answer does not say where: ask `HeadBucket`, and give its `x-amz-bucket-region` to ``init(named:)``.
    case askHeadBucket

    /// - Parameters:
    ///   - error: the answer.
    ///   - regionHeader: its header `x-amz-bucket-region`.
    ///   - bucket: the bucket of the request; `nil` if it has none. An access point is given by its ARN, and lives
    ///     where that says.
    ///   - alreadyRedirected: whether the request has been repeated in another region before; it is not a second time.
    init(_ error: ServiceError, regionHeader: String?, bucket: String?, alreadyRedirected: Bool) {
        guard !alreadyRedirected, bucket?.hasPrefix("arn:") != true,
            Self.concernsRegion(error, hasHeader: regionHeader != nil)
        else {
            self = .stay
            return
        }
        if let regionHeader {
            self.init(named: regionHeader)
        } else if let region = error.fields["Region"], !region.isEmpty {
            self.init(named: region)
        } else {
            self = bucket == nil ? .stay : .askHeadBucket
        }
    }

    /// The region that a store named. It becomes part of a host name, so anything but a host label is refused.
    init(named region: String?) {
        self = region.flatMap { Self.isHostLabel($0) ? .region($0) : nil } ?? .stay
    }

    private static func concernsRegion(_ error: ServiceError, hasHeader: Bool) -> Bool {
        switch error.code {
        case "PermanentRedirect": return true
        case "AuthorizationHeaderMalformed" where error.fields["Region"] != nil: return true
        case "IllegalLocationConstraintException" where error.operation != .createBucket: return true
        default: break
        }
        switch error.status {
        case 301, 302, 307: return true
        // A HEAD that is signed for the wrong region is told no more than this.
        case 400 where error.code == nil:
            return error.operation == .headObject || error.operation == .headBucket && hasHeader
        default: return false
        }
    }

    private static func isHostLabel(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (1...63).contains(bytes.count) && bytes.first != UInt8(ascii: "-") && bytes.last != UInt8(ascii: "-")
            && bytes.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") } && !bytes.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
    }
}
