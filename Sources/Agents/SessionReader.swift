import AgentDatabase
import FileIO

/// Finds the sessions in an agent's state. Every method blocks.
///
/// Agents is the part of Holdfast that knows what an agent's files and rows mean: an ``AgentProfile`` says where sessions are,
/// and an ``AgentSession`` is what Holdfast knows of one. States come from other machines: wrong types, missing columns and
/// enormous values give fewer fields or fewer sessions, and ``SessionList/isComplete`` says so.
public struct SessionReader: Sendable {
    let profile: AgentProfile
    let maxSessions: Int
    let maxMessages: Int

    /// - Parameters:
    ///   - maxSessions: no more are listed.
    ///   - maxMessages: if a table has more, messages are not counted.
    public init(_ profile: AgentProfile = .opencode, maxSessions: Int = 20_000, maxMessages: Int = 5_000_000) {
        (self.profile, self.maxSessions, self.maxMessages) = (profile, maxSessions, maxMessages)
    }

    /// The sessions of a storage directory and of the databases beside it.
    /// - Parameters:
    ///   - storage: the storage directory.
    ///   - named: the value of `OPENCODE_DB`, if it is set.
    /// - Throws: ``SQLiteError``, ``FileError``, `CancellationError`.
    public func sessions(
        of storage: String, named: String? = nil, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionList {
        let found = try DatabaseScan.find(beside: storage, named: named)
        var list = SessionList([], isComplete: found.problems.isEmpty, hasSessionStore: false)
        for database in found.databases { list = list.merging(try sessions(in: database, cancellation)) }
        // Agents that have a database no longer read the files: what is deleted there may still lie here.
        return list.hasSessionStore ? list : list.merging(try sessions(inFilesOf: storage, cancellation))
    }

    /// The sessions of a live database, which is not changed.
    /// - Throws: ``SQLiteError``, ``FileError``, `CancellationError`.
    public func sessions(
        in database: DatabaseFile, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionList {
        var sessions = DatabaseSessions(try database.readOnlyConnection(), self, cancellation)
        return try sessions.list()
    }

    /// The sessions of a private copy of a stored database.
    /// - Throws: ``SQLiteError``, ``FileError``, `CancellationError`.
    public func sessions(
        in copy: DatabaseTables, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionList {
        var sessions = DatabaseSessions(try copy.connection(), self, cancellation)
        return try sessions.list()
    }

    /// The sessions of the JSON files in a storage directory.
    /// - Throws: ``FileError``, `CancellationError`.
    public func sessions(
        inFilesOf storage: String, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionList {
        var sessions = FileSessions(self, cancellation)
        return try sessions.list(storage)
    }
}
