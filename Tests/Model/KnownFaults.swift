/// A fault of the program that is known and not yet mended: what it breaks is reported, and does not fail a scenario.
package struct KnownFault: Sendable {
    package let name: String
    /// One line for people.
    package let explanation: String
    /// Whether a violation is of this fault. As narrow as can be, since what it takes in is not seen any more.
    let explains: @Sendable (Violation) -> Bool

    package static let all: [KnownFault] = [
        KnownFault(
            name: "older-agent-seems-to-shrink",
            explanation:
                "a push by an agent of 1.x, or its first one as 2.x, counts sessions that only 2.x showed as removed: it "
                + "keeps them, but ends with 75"
        ) {
            $0.invariant == .exit && ["push", "push-bare"].contains($0.operation) && $0.text.contains("(shrinks)")
                && $0.circumstances.isSuperset(of: [.isSecond, .schemasDiffered])
        },
        KnownFault(
            name: "merged-without-a-base",
            explanation:
                "a database of 1.x that took a part of one of 2.x is merged without a base: what was deleted returns, and "
                + "images of the same rows change places without end"
        ) {
            let isRestless = $0.invariant == .restless || ($0.invariant == .counters && $0.unit == "database")
            let isReturn = $0.invariant == .revived && $0.unit != "file"
            let isDoubt = $0.invariant == .status && $0.unit != "file"
            return (isRestless || isReturn || isDoubt)
                && $0.circumstances.isSuperset(of: [.isSecond, .schemasDiffered])
        },
        KnownFault(
            name: "save-builds-on-damage",
            explanation:
                "a save refers to blobs of a pack whose damage nobody has noticed, so that its snapshot cannot be restored"
        ) { $0.invariant == .unreadable && $0.circumstances.contains(.damaged) && $0.text.contains("is damaged") },
    ]
}
