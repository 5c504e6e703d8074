import FoundationEssentials

/// One conversation of an agent, as a list shows it.
///
/// A field is `nil` if the state does not say, or says something that cannot be it: states are written by others.
public struct AgentSession: Sendable, Equatable {
    public let id: String
    /// At most ``maxTitle`` characters.
    public let title: String?
    /// The directory that the agent worked in.
    public let directory: String?
    /// The agent's own name of the project.
    public let project: String?
    public let created: Date?
    /// When it was last written to. Sessions are ordered by this, never by their ids.
    public let updated: Date?
    public let messages: Int?

    static let maxTitle = 200
    static let maxIdentifier = 256
    static let maxPath = 4096

    /// Takes fields over as far as they are of a reasonable size.
    /// - Parameters:
    ///   - created: milliseconds since 1970, as `updated`.
    /// - Returns: `nil` without an id of 1 to ``maxIdentifier`` bytes.
    init?(
        id: String?, title: String?, directory: String?, project: String?, created: Int64?, updated: Int64?,
        messages: Int?
    ) {
        guard let id = Self.bounded(id, Self.maxIdentifier) else { return nil }
        self.id = id
        self.title = title.flatMap { title in
            title.isEmpty ? nil : String(String.UnicodeScalarView(title.unicodeScalars.prefix(Self.maxTitle)))
        }
        self.directory = Self.bounded(directory, Self.maxPath)
        self.project = Self.bounded(project, Self.maxIdentifier)
        self.created = created.map(Self.date)
        self.updated = updated.map(Self.date)
        self.messages = messages
    }

    /// Half an id or half a path would be another one.
    private static func bounded(_ text: String?, _ limit: Int) -> String? {
        guard let text, (1...limit).contains(text.utf8.count) else { return nil }
        return text
    }

    private static func date(_ milliseconds: Int64) -> Date {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}

/// The sessions of a state.
public struct SessionList: Sendable, Equatable {
    /// Those last written to come first; those of unknown time are the last.
    public let sessions: [AgentSession]
    /// All sessions were read. If not, there were too many, or some could not be read.
    public let isComplete: Bool
    /// There is a place for sessions, which may be empty.
    public let hasSessionStore: Bool

    init(_ sessions: [AgentSession], isComplete: Bool, hasSessionStore: Bool) {
        self.sessions = sessions.sorted { a, b in
            let (first, second) = (a.updated ?? .distantPast, b.updated ?? .distantPast)
            return first == second ? a.id.utf8.lexicographicallyPrecedes(b.id.utf8) : first > second
        }
        self.isComplete = isComplete
        self.hasSessionStore = hasSessionStore
    }

    /// Adds the sessions of another place. Of two with the same id, the one that was written to last counts.
    func merging(_ other: SessionList) -> SessionList {
        var newest: [[UInt8]: AgentSession] = [:]
        for session in sessions + other.sessions {
            let key = Array(session.id.utf8)
            guard let known = newest[key], known.updated ?? .distantPast >= session.updated ?? .distantPast else {
                newest[key] = session
                continue
            }
        }
        return SessionList(
            Array(newest.values), isComplete: isComplete && other.isComplete,
            hasSessionStore: hasSessionStore || other.hasSessionStore)
    }
}
