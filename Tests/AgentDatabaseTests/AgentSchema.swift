/// Tables as an agent's database has them.
enum AgentSchema {
    static let times = "time_created integer NOT NULL, time_updated integer NOT NULL"

    /// 1.15.12.
    static let v1 = """
        CREATE TABLE __drizzle_migrations (
          id INTEGER PRIMARY KEY, hash text NOT NULL, created_at numeric, name text, applied_at text);
        INSERT INTO __drizzle_migrations VALUES (1, 'h1', 1, 'first', 'then');
        CREATE TABLE project (
          id text PRIMARY KEY, worktree text NOT NULL, name text, \(times), sandboxes text NOT NULL);
        CREATE TABLE session (
          id text PRIMARY KEY, project_id text NOT NULL, parent_id text, directory text NOT NULL, title text NOT NULL,
          \(times), cost real DEFAULT 0 NOT NULL,
          FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE);
        CREATE TABLE message (
          id text PRIMARY KEY, session_id text NOT NULL, \(times), data text NOT NULL,
          FOREIGN KEY (session_id) REFERENCES session(id) ON DELETE CASCADE);
        CREATE TABLE part (
          id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, \(times), data text NOT NULL,
          FOREIGN KEY (message_id) REFERENCES message(id) ON DELETE CASCADE);
        CREATE TABLE todo (
          session_id text NOT NULL, content text NOT NULL, position integer NOT NULL, \(times),
          PRIMARY KEY(session_id, position), FOREIGN KEY (session_id) REFERENCES session(id) ON DELETE CASCADE);
        CREATE TABLE account_state (id integer PRIMARY KEY NOT NULL, active_account_id text);
        CREATE TABLE workspace (
          id text PRIMARY KEY, type text NOT NULL, name text DEFAULT '' NOT NULL, directory text,
          project_id text NOT NULL);
        CREATE TABLE event_sequence (aggregate_id text PRIMARY KEY, seq integer NOT NULL, owner_id text);
        CREATE TABLE event (
          id text PRIMARY KEY, aggregate_id text NOT NULL, seq integer NOT NULL, type text NOT NULL,
          data text NOT NULL,
          FOREIGN KEY (aggregate_id) REFERENCES event_sequence(aggregate_id) ON DELETE CASCADE);
        CREATE INDEX message_session_idx ON message (session_id, time_created, id);
        CREATE INDEX part_message_idx ON part (message_id, id);
        """

    /// 2.x: numbers are unique within a session.
    static let v2 =
        v1 + """
            CREATE TABLE kv (key text PRIMARY KEY, value text NOT NULL, \(times));
            CREATE TABLE session_v2 (
              id text PRIMARY KEY, project_id text NOT NULL, directory text NOT NULL, title text NOT NULL, \(times),
              FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE);
            CREATE TABLE session_message (
              id text PRIMARY KEY, session_id text NOT NULL, type text NOT NULL, seq integer NOT NULL, \(times),
              data text NOT NULL, FOREIGN KEY (session_id) REFERENCES session_v2(id) ON DELETE CASCADE);
            CREATE UNIQUE INDEX session_message_session_seq_idx ON session_message (session_id, seq);
            CREATE UNIQUE INDEX event_aggregate_seq_idx ON event (aggregate_id, seq);
            """

    /// A project with one session of two messages, of a part and an event each.
    static let conversation = """
        INSERT INTO project VALUES ('p', '/old', 'p', 1, 1, '[]');
        INSERT INTO session VALUES ('s', 'p', NULL, '/old', 'title', 1, 1, 0);
        INSERT INTO message VALUES ('m1', 's', 1, 1, '{}'), ('m2', 's', 2, 2, '{}');
        INSERT INTO part VALUES ('t1', 'm1', 's', 1, 1, '{}'), ('t2', 'm2', 's', 2, 2, '{}');
        INSERT INTO event_sequence VALUES ('s', 2, NULL);
        INSERT INTO event VALUES ('e1', 's', 1, 'x', '{}'), ('e2', 's', 2, 'x', '{}');
        """

    static let conversation2 =
        conversation + """
            INSERT INTO session_v2 VALUES ('s', 'p', '/old', 'title', 1, 1);
            INSERT INTO session_message VALUES ('m1', 's', 'user', 1, 1, 1, '{}'), ('m2', 's', 'agent', 2, 2, 2, '{}');
            """
}
