/// Where one agent's memory for one repository lies in a store: `{prefix}/{agent}/{owner-repo}/` (RFC-019 §3).
public struct MemoryLocation: Sendable, Equatable, CustomStringConvertible {
    public let prefix: String
    public let agent: AgentIdentity
    /// The repository as the user writes it, `owner/name`.
    public let repository: String

    /// - Throws: ``InvalidName`` for a prefix or repository whose parts would be empty, `.` or `..`, or hold control
    ///   characters.
    public init(prefix: String, agent: AgentIdentity, repository: String) throws(InvalidName) {
        guard Self.isPath(prefix) else {
            throw InvalidName(
                "prefix '\(prefix)'",
                "Use names separated by single slashes, such as 'opencode-storage' or 'team/memory'.")
        }
        guard Self.isPath(repository), repository.utf8.contains(UInt8(ascii: "/")) else {
            throw InvalidName("repository '\(repository)'", "Use OWNER/NAME, such as 'octo-org/website'.")
        }
        self.prefix = prefix
        self.agent = agent
        self.repository = repository
    }

    /// Where another agent's memory for the same repository lies.
    public func with(agent: AgentIdentity) -> MemoryLocation { MemoryLocation(self, agent) }

    private init(_ other: MemoryLocation, _ agent: AgentIdentity) {
        (prefix, repository, self.agent) = (other.prefix, other.repository, agent)
    }

    /// The key of the memory, without a slash at the end.
    public var key: String { "\(prefix)/\(agent.name)/\(Self.sanitized(repository))" }

    /// What the keys of the mirror view start with, with the slash: without it, a listing would take in the neighbour
    /// whose name goes on.
    public var mirrorPrefix: String { "\(key)/storage/" }

    public var description: String { key }

    /// `owner/repo` becomes `owner-repo` (RFC-019 §4). That is not one-to-one: `a/b-c` and `a-b/c` share a key.
    static func sanitized(_ repository: String) -> String {
        String(decoding: repository.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "-") : $0 }, as: UTF8.self)
    }

    private static func isPath(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
                && part.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
        }
    }
}
