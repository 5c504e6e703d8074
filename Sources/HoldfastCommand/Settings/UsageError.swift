/// What the user asked for cannot be done, whatever the store says: exit code 64.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    let hint: String?

    init(_ description: String, hint: String? = nil) {
        self.description = description
        self.hint = hint
    }

    /// Nothing says whose memory is meant.
    static let noRepository = UsageError(
        "no repository is set",
        hint: "Use --repo OWNER/NAME, HOLDFAST_REPO, or run in a git checkout with an origin.")

    /// - Parameters:
    ///   - place: where the value was set, if the text does not say it.
    ///   - text: its first sentence says what is wrong, the rest what to do.
    init(_ place: String? = nil, sentences text: String) {
        let end = text.firstRange(of: ". ")
        let problem = end.map { text[..<$0.lowerBound] } ?? text[...]
        self.init(
            place.map { "\($0): \(problem)" } ?? String(problem), hint: end.map { String(text[$0.upperBound...]) })
    }
}
