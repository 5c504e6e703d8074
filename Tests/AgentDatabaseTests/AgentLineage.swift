import Testing

/// Databases of an agent on its way from 1.x to 2.x, as releases have left them.
enum AgentLineage: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// 1.x.
    case first
    /// 1.x from the time when migrations were listed in another table as well.
    case firstOld
    /// 1.x with one more column.
    case firstIdle
    /// 2.x that was upgraded: the tables of 1.x stay, and a mark says that they were taken over.
    case secondUpgraded
    /// 2.x that began with it.
    case secondFresh
    /// 2.x that was upgraded, with one more column.
    case secondViewed

    var testDescription: String { rawValue }
    var isSecond: Bool { [.secondUpgraded, .secondFresh, .secondViewed].contains(self) }
    var sessions: String { isSecond ? "session_v2" : "session" }

    private static let times = "time_created integer NOT NULL, time_updated integer NOT NULL"
    private static let common = """
        CREATE TABLE migration (id text PRIMARY KEY, time_completed integer NOT NULL);
        INSERT INTO migration VALUES ('first', 1), ('events', 1);
        CREATE TABLE project (id text PRIMARY KEY, worktree text NOT NULL, \(times));
        INSERT INTO project VALUES ('p', '/src', 1, 1);
        CREATE TABLE event_sequence (aggregate_id text PRIMARY KEY, seq integer NOT NULL);
        CREATE TABLE event (id text PRIMARY KEY, aggregate_id text NOT NULL, seq integer NOT NULL, data text NOT NULL,
          FOREIGN KEY (aggregate_id) REFERENCES event_sequence(aggregate_id) ON DELETE CASCADE);
        CREATE UNIQUE INDEX event_idx ON event (aggregate_id, seq);
        CREATE TABLE prompt (id integer PRIMARY KEY AUTOINCREMENT, session_id text NOT NULL, text text NOT NULL);
        CREATE TABLE prompt_part (id integer PRIMARY KEY, prompt_id integer NOT NULL REFERENCES prompt(id)
          ON DELETE CASCADE, text text NOT NULL);
        """
    private static let firstTables = """
        CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, title text NOT NULL, \(times),
          FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE);
        CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, \(times), data text NOT NULL,
          FOREIGN KEY (session_id) REFERENCES session(id) ON DELETE CASCADE);
        CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, \(times),
          data text NOT NULL, FOREIGN KEY (message_id) REFERENCES message(id) ON DELETE CASCADE);
        CREATE INDEX message_session_idx ON message (session_id);
        """
    private static func secondTables(_ middle: String) -> String {
        """
        INSERT INTO migration VALUES ('second', 2);
        CREATE TABLE kv (key text PRIMARY KEY, value text NOT NULL);
        CREATE TABLE session_v2 (id text PRIMARY KEY, project_id text NOT NULL, \(middle) title text, \(times),
          FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE);
        CREATE TABLE session_message (id text PRIMARY KEY, session_id text NOT NULL, seq integer NOT NULL, \(times),
          data text NOT NULL, FOREIGN KEY (session_id) REFERENCES session_v2(id) ON DELETE CASCADE);
        CREATE UNIQUE INDEX session_message_idx ON session_message (session_id, seq);
        """
    }
    private static let idle = """
        INSERT INTO migration VALUES ('idle', 2); ALTER TABLE session ADD COLUMN time_idle integer;
        """
    private static let viewed = """
        INSERT INTO migration VALUES ('viewed', 3); ALTER TABLE session_v2 ADD COLUMN time_viewed integer;
        """
    private static let attempts = "ALTER TABLE session_v2 ADD COLUMN attempts integer DEFAULT 0 NOT NULL;"
    /// What the import does: once, and it empties the log.
    private static let imported = """
        INSERT INTO session_v2 (id, project_id, title, time_created, time_updated)
          SELECT id, project_id, title, time_created, time_updated FROM session;
        INSERT INTO session_message (id, session_id, seq, time_created, time_updated, data)
          SELECT id, session_id, row_number() OVER (PARTITION BY session_id ORDER BY time_created, id), time_created,
            time_updated, (SELECT data FROM part WHERE message_id = message.id) FROM message;
        DELETE FROM event; DELETE FROM event_sequence;
        INSERT INTO kv VALUES ('migration.v1-v2', '{"phase":"completed"}');
        """

    /// The statements that make an empty database.
    var creation: String {
        switch self {
        case .first: Self.common + Self.firstTables
        case .firstOld:
            Self.common + Self.firstTables + """
                CREATE TABLE __drizzle_migrations (id integer PRIMARY KEY, hash text, created_at numeric, name text);
                INSERT INTO __drizzle_migrations VALUES (1, 'h', 1, 'first');
                """
        case .firstIdle: Self.common + Self.firstTables + Self.idle
        case .secondFresh: Self.common + Self.idleMark + Self.secondTables("attempts integer DEFAULT 0 NOT NULL,")
        case .secondUpgraded: AgentLineage.firstIdle.creation + upgrade(from: .firstIdle)
        case .secondViewed: AgentLineage.secondUpgraded.creation + Self.viewed
        }
    }

    private static let idleMark = "INSERT INTO migration VALUES ('idle', 2);"

    /// The statements that bring a database to this schema; empty where there is no way.
    func upgrade(from former: AgentLineage) -> String {
        switch (former, self) {
        case (.first, .firstIdle), (.firstOld, .firstIdle): Self.idle
        case (.firstIdle, .secondUpgraded): Self.secondTables("") + Self.attempts + Self.imported
        case (.first, .secondUpgraded), (.firstOld, .secondUpgraded): Self.idle + upgrade(from: .firstIdle)
        case (.secondUpgraded, .secondViewed), (.secondFresh, .secondViewed): Self.viewed
        case (.first, .secondViewed), (.firstOld, .secondViewed), (.firstIdle, .secondViewed):
            AgentLineage.secondUpgraded.upgrade(from: former) + Self.viewed
        default: ""
        }
    }

    func session(_ id: String, time: Int = 1) -> String {
        """
        INSERT INTO \(sessions) (id, project_id, title, time_created, time_updated)
          VALUES ('\(id)', 'p', '\(id)', \(time), \(time));
        INSERT OR IGNORE INTO event_sequence VALUES ('\(id)', 0);
        """
    }

    func message(_ id: String, of session: String, time: Int = 1) -> String {
        let row =
            isSecond
            ? """
            INSERT INTO session_message SELECT '\(id)', '\(session)', coalesce(max(seq), 0) + 1, \(time), \(time), '\(id)'
              FROM session_message WHERE session_id = '\(session)';
            """
            : """
            INSERT INTO message VALUES ('\(id)', '\(session)', \(time), \(time), '{}');
            INSERT INTO part VALUES ('p\(id)', '\(id)', '\(session)', \(time), \(time), '\(id)');
            """
        return row + """
            UPDATE \(sessions) SET time_updated = \(time) WHERE id = '\(session)';
            INSERT OR IGNORE INTO event_sequence VALUES ('\(session)', 0);
            UPDATE event_sequence SET seq = seq + 1 WHERE aggregate_id = '\(session)';
            INSERT INTO event SELECT 'e\(id)', aggregate_id, seq, '{}' FROM event_sequence WHERE aggregate_id = '\(session)';
            """
    }

    func prompt(_ text: String, of session: String) -> String {
        """
        INSERT INTO prompt (session_id, text) VALUES ('\(session)', '\(text)');
        INSERT INTO prompt_part (prompt_id, text) VALUES (last_insert_rowid(), '\(text)');
        """
    }

    func removal(of session: String) -> String {
        """
        PRAGMA foreign_keys = ON; DELETE FROM \(sessions) WHERE id = '\(session)';
        DELETE FROM event_sequence WHERE aggregate_id = '\(session)'; DELETE FROM prompt WHERE session_id = '\(session)';
        """
    }
}

extension DatabaseFixture {
    /// What an agent shows: sessions and messages, each as `session`, or `session/message`; and prompts.
    func shown(_ name: String) throws -> [String] {
        let isSecond = try !rows(name, "SELECT 1 FROM sqlite_schema WHERE name = 'session_v2'").isEmpty
        let messages =
            isSecond
            ? "SELECT session_id || '/' || data FROM session_message"
            : "SELECT session_id || '/' || data FROM part"
        return try
            (rows(name, "SELECT id FROM \(isSecond ? "session_v2" : "session")") + rows(name, messages)
            + rows(name, "SELECT session_id || '?' || text FROM prompt")).sorted()
    }
}
