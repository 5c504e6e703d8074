import Basics

/// What the user asked for cannot be done, whatever the store says: exit code 64.
struct UsageError: FailureConvertible, CustomStringConvertible {
    let description: String
    let hint: String?

    init(_ description: String, hint: String? = nil) {
        self.description = description
        self.hint = hint
    }

    var failure: Failure { Failure(code: .usage, message: description, hint: hint) }

    /// Nothing says whose memory is meant.
    static let noRepository = UsageError(
        "no repository is set",
        hint: "Use --repo OWNER/NAME, HOLDFAST_REPO, or run in a git checkout with an origin.")
}
