import Basics
import FileIO

/// A failed store operation.
///
/// ``kind`` says what a program can do about it; the rest says to a person what failed, where and what to do.
/// *Proven absent*, *denied* and *unreachable* are different kinds, since only the first is an empty store.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// Causes that a caller can tell apart and act on. The raw value is the code that scripts see.
    public enum Kind: String, Sendable, Equatable, CaseIterable {
        /// The store says, to someone who may know, that there is no such object.
        case notFound = "not-found"
        /// The store says that there is no such bucket or root.
        case noSuchBucket = "no-such-bucket"
        /// A create-only write found the key taken.
        case alreadyExists = "already-exists"
        /// The object is no longer the version that was asked for.
        case preconditionFailed = "precondition-failed"
        /// Another write of the same key is in flight; the same write may pass later.
        case conflict
        /// The credentials are known but lack a right. Whether the object exists is unknown.
        case denied
        /// The store has the object and does not hand it out for now: it is archived, its key is disabled, a payment is due.
        case refused
        /// The store does not accept the credentials or the signature.
        case unauthenticated
        /// No usable credentials were found on this machine.
        case noCredentials = "no-credentials"
        /// The bucket is in another region.
        case wrongRegion = "wrong-region"
        /// The local clock and the store's are too far apart.
        case clockSkew = "clock-skew"
        /// The store asks for fewer requests.
        case throttled
        /// No answer came: name look-up, connection, TLS, time-out, or the connection broke.
        case unreachable
        /// The content is shorter, longer or other than announced.
        case corrupt
        /// The store answered with a failure of its own.
        case server
        /// The request or the configuration cannot work, whoever sends it.
        case invalid
        /// The content is larger than the caller or the store takes.
        case tooLarge = "too-large"
        /// The store does not know this operation.
        case unsupported
        /// The local file changed while it was read.
        case sourceChanged = "source-changed"
        /// The local disk: full, unreadable, …
        case localFile = "local-file"
        /// The task was cancelled.
        case cancelled
    }

    public var kind: Kind
    /// The failed operation, as a verb: `read`, `write`, `list`.
    public var operation: String
    public var bucket: String?
    public var key: ObjectKey?
    /// The failure, as the end of a sentence that starts with operation and key.
    public var reason: String
    /// Advice for a person.
    public var hint: String?
    /// The HTTP status, the store's own error code and its id of the request, for the provider's support.
    public var status: Int?
    public var code: String?
    public var requestID: String?
    /// How many times the request was sent.
    public var attempts: Int?

    public init(_ kind: Kind, _ operation: String, key: ObjectKey? = nil, _ reason: String, hint: String? = nil) {
        self.kind = kind
        self.operation = operation
        self.key = key
        self.reason = reason
        self.hint = hint
    }

    /// Turns whatever a lower layer threw into a store error, without losing one that already is.
    public init(wrapping error: any Error, _ operation: String, key: ObjectKey? = nil) {
        switch error {
        case let error as StoreError: self = error
        case is CancellationError: self.init(.cancelled, operation, key: key, "was cancelled")
        case let error as FileError:
            self.init(.localFile, operation, key: key, error.description, hint: error.hint)
        default: self.init(.unreachable, operation, key: key, "\(error)")
        }
    }

    /// The sentence for people: what failed, where and why. The ``hint`` is apart.
    public var description: String {
        var text = "cannot \(operation)"
        if let key { text += " '\(printable(key.utf8))'" }
        if let bucket { text += key == nil ? " bucket '\(bucket)'" : " in bucket '\(bucket)'" }
        text += ": \(reason)"
        var facts: [String] = []
        if let code { facts.append(code) }
        if let status { facts.append("HTTP \(status)") }
        if let requestID { facts.append("request id \(requestID)") }
        if let attempts, attempts > 1 { facts.append("\(attempts) attempts") }
        return facts.isEmpty ? text : text + " (\(facts.joined(separator: ", ")))"
    }
}

extension StoreError.Kind {
    /// The same kind among those of all layers.
    public var code: FailureCode { FailureCode(rawValue: rawValue) ?? .failed }
}

extension StoreError: FailureConvertible {
    public var failure: Failure {
        var failure = Failure(code: kind.code, message: description, hint: hint)
        failure.bucket = bucket
        failure.key = key.map { printable($0.utf8) }
        failure.requestID = requestID
        return failure
    }
}
