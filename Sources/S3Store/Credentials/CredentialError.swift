import Basics

/// Why there are no credentials: what failed, why, and what to do.
///
/// Two things are told apart: nothing was found (``Code/notFound``; ``looked`` lists the places), and something was found
/// that cannot be used (every other code). In the second case the search stops, for the next place may hold the keys of
/// somebody else. No text here ever holds a secret.
public struct CredentialError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of a problem, for code that decides by it, and for metric labels.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// No place has credentials.
        public static let notFound = Code("not-found")
        /// A place has only a part of them.
        public static let incomplete = Code("incomplete")
        /// The profile that was asked for does not exist.
        public static let profileNotFound = Code("profile-not-found")
        /// A file cannot be read, or a setting cannot be used.
        public static let configuration = Code("configuration")
        /// A way to get credentials that Holdfast does not know.
        public static let unsupported = Code("unsupported")
        /// A service gave no answer, or none that helps.
        public static let unreachable = Code("unreachable")
        /// A service refused; ``serviceCode`` has its code.
        public static let refused = Code("refused")
        /// An answer, of a service or of a program, cannot be understood.
        public static let invalidAnswer = Code("invalid-answer")
        /// The program named by `credential_process` failed.
        public static let process = Code("process")
        /// The newest credentials to be had are no longer valid.
        public static let expired = Code("expired")
    }

    /// A place where credentials were looked for in vain.
    public struct Place: Sendable, Equatable {
        public let name: String
        /// Why there were none.
        public let reason: String
    }

    public let code: Code
    /// The failure and its cause, one sentence.
    public let problem: String
    /// Advice, where there is any.
    public let advice: String?
    /// The error code of the service that refused, as `AccessDenied`.
    public let serviceCode: String?
    /// With ``Code/notFound``: where was looked, in order.
    public let looked: [Place]

    init(
        _ code: Code, _ problem: String, advice: String? = nil, serviceCode: String? = nil, looked: [Place] = []
    ) {
        self.code = code
        self.problem = problem
        self.advice = advice
        self.serviceCode = serviceCode
        self.looked = looked
    }

    /// Whether there simply are none, as opposed to some that cannot be used.
    public var isNotFound: Bool { code == .notFound }

    public var description: String {
        let places = looked.map { "\n  \($0.name): \($0.reason)" }.joined()
        return [problem + places, advice].compactMap(\.self).joined(separator: places.isEmpty ? " " : "\n")
    }

    static func notFound(looked: [Place]) -> CredentialError {
        CredentialError(
            .notFound, "No AWS credentials were found. Looked in:",
            advice: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --aws-profile.",
            looked: looked)
    }
}

extension CredentialError: FailureConvertible {
    public var failure: Failure { Failure(code: .noCredentials, message: summary, hint: advice) }

    /// The problem with the names of the places that had none, without their reasons.
    var summary: String { looked.isEmpty ? problem : "\(problem) \(looked.map(\.name).joined(separator: ", "))" }
}
