/// Why an operation failed: for scripts, for people, and what to do about it.
///
/// Errors of the layers below say it of themselves as ``FailureConvertible``.
public struct Failure: Error, Sendable, CustomStringConvertible {
    public let code: FailureCode
    /// Sentence that says why something failed; never a secret.
    public let message: String
    /// One action that may help and destroys nothing.
    public let hint: String?
    /// Where in a store it happened, if it was there.
    public var bucket: String?
    public var key: String?
    /// The store's id of the request, for its provider's support.
    public var requestID: String?
    /// The same command may succeed without a change by anybody. Its code says so, unless the circumstances say more.
    public var passesByItself: Bool
    /// The error that this one describes.
    public var underlying: (any Error)?

    public init(code: FailureCode, message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        passesByItself = code.passesByItself
    }

    /// Describes any error. One that says nothing of itself is ``FailureCode/failed``.
    public init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as any FailureConvertible:
            self = error.failure
            underlying = error
        case is CancellationError: self.init(code: .cancelled, message: "cancelled")
        default:
            self.init(code: .failed, message: "\(error)")
            underlying = error
        }
    }

    public var description: String { message }
}

extension Failure: Equatable {
    /// Compares everything but ``underlying``, which need not be comparable.
    public static func == (a: Failure, b: Failure) -> Bool {
        (a.code, a.message, a.hint) == (b.code, b.message, b.hint)
            && (a.bucket, a.key, a.requestID) == (b.bucket, b.key, b.requestID)
    }
}

/// An error that can describe itself to a user of the library.
public protocol FailureConvertible: Error {
    var failure: Failure { get }
}
