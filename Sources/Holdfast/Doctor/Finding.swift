import Basics

/// One thing that was looked at, and how it is.
public struct Finding: Sendable, Equatable {
    /// What can be looked at. The raw value is the word that scripts see.
    public enum Check: String, Sendable, CaseIterable {
        case credentials, endpoint, clock, bucket
        case list, write, read, delete
        case conditionalWrites = "conditional-writes"
        case versioning, memory, storage, state, databases, kept, space
    }

    public enum Verdict: String, Sendable {
        case ok
        /// It works, and could be better or may not work for long.
        case warning
        /// Something does not work.
        case problem
        /// It was not looked at, because of something else.
        case skipped
    }

    public let check: Check
    public let verdict: Verdict
    /// One sentence, or a part of one.
    public let text: String
    /// What to do about it.
    public let fix: String?
    /// The code of the error behind it, as other commands print it.
    public let code: FailureCode?

    init(_ check: Check, _ verdict: Verdict, _ text: String, fix: String? = nil, code: FailureCode? = nil) {
        (self.check, self.verdict, self.text, self.fix, self.code) = (check, verdict, text, fix, code)
    }

    /// Something failed.
    init(_ check: Check, failed error: any Error) {
        let error = Failure(error)
        self.init(check, .problem, error.message, fix: error.hint, code: error.code)
    }
}
