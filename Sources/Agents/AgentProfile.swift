/// Where an agent keeps its sessions, as data: supporting another agent of this kind needs no other code.
public struct AgentProfile: Sendable, Equatable {
    /// A table with one row for each session, by the names of its columns.
    public struct SessionTable: Sendable, Equatable {
        public let name: String
        public let id: String
        public let title: String
        public let directory: String
        public let project: String
        /// Milliseconds since 1970, as ``updated``.
        public let created: String
        public let updated: String
        /// The table with one row for each message, and its column with the id of the session.
        public let messages: String
        public let messageSession: String
    }

    /// A directory tree with one JSON file for each session.
    public struct SessionFiles: Sendable, Equatable {
        /// It holds a directory for each project, and in that `ID.json` for each session.
        public let sessions: String
        /// It holds a directory for each session, with a file for each message.
        public let messages: String
    }

    public let name: String
    /// The agent's directory in XDG's data home.
    public let dataDirectory: String
    /// The storage directory in ``dataDirectory``; databases lie beside it.
    public let storageDirectory: String
    /// Names of the databases, as a glob.
    public let databases: String
    /// The newest form first: where a session is in several tables, the first counts.
    public let tables: [SessionTable]
    /// Counts only where no database has a table for sessions.
    public let files: SessionFiles

    /// OpenCode: JSON files before 1.2, then the tables of V1, then those of V2. A database that came to V2 by an update
    /// keeps those of V1, as they were then.
    public static let opencode = AgentProfile(
        name: "opencode", dataDirectory: "opencode", storageDirectory: "storage", databases: "opencode*.db",
        tables: [
            table("session_v2", messages: "session_message"), table("session", messages: "message"),
        ],
        files: SessionFiles(sessions: "session", messages: "message"))

    private static func table(_ name: String, messages: String) -> SessionTable {
        SessionTable(
            name: name, id: "id", title: "title", directory: "directory", project: "project_id",
            created: "time_created", updated: "time_updated", messages: messages, messageSession: "session_id")
    }
}
