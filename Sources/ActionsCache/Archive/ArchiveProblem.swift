import FileIO

/// Why an archive is not extracted.
struct ArchiveProblem: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// - Parameter name: of the member that breaks a rule.
    init(_ name: some Sequence<UInt8>, _ rule: String) {
        description = "its member '\(printable(Array(name).prefix(300)))' \(rule)"
    }
}
