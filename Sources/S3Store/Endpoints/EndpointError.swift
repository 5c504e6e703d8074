import Basics

/// Why no endpoint can be used: a setting is missing, wrong, unsafe, or does not go together with another.
///
/// It never shows credentials, even if the endpoint holds some.
public struct EndpointError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of a problem, for code that decides by it.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The region is missing or cannot be one.
        public static let region = Code("region")
        /// The custom endpoint is no URL that can be used.
        public static let endpoint = Code("endpoint")
        /// The custom endpoint is refused for safety.
        public static let unsafeEndpoint = Code("unsafe-endpoint")
        /// The bucket's name or ARN cannot be used.
        public static let bucket = Code("bucket")
        /// The proxy on the way to the endpoint is none that can be used.
        public static let proxy = Code("proxy")
        /// Two settings exclude each other.
        public static let conflict = Code("conflict")
    }

    public let code: Code
    /// Reason, without a full stop.
    public let message: String
    /// Action that mends it.
    public let hint: String?

    init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.map { "\(message). \($0)" } ?? "\(message)." }
}

extension EndpointError: FailureConvertible {
    public var failure: Failure { Failure(code: .invalid, message: message, hint: hint) }
}
