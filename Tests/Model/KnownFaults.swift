/// A fault of the program that is known and not yet mended: what it breaks is reported, and does not fail a scenario.
package struct KnownFault: Sendable {
    package let name: String
    /// One line for people.
    package let explanation: String
    /// Whether a violation is of this fault. As narrow as can be, since what it takes in is not seen any more.
    let explains: @Sendable (Violation) -> Bool

    package static let all: [KnownFault] = [
        KnownFault(
            name: "status-doubts-a-database",
            explanation: "status calls a database changed although nobody touched it since it was saved or restored"
        ) { $0.invariant == .status && $0.unit == "database" }
    ]
}
