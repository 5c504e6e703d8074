/// What an agent does with its database, in the way of the schema that it finds there.
struct AgentDatabase {
    let database: SQLite
    let isSecond: Bool

    /// Opens the database of an agent, makes it if it is not there, and migrates it if it is of an older version.
    init(_ path: String, schema: Schema) throws {
        database = try SQLite(path)
        try database.setUp()
        if try !database.hasTable("migration") { try schema.create(in: database) }
        try schema.migrate(database)
        isSecond = try database.hasTable("session_v2")
    }

    private var sessions: String { isSecond ? "session_v2" : "session" }

    func start(_ session: String, title: String, time: Int64) throws {
        try database.transaction {
            try database.rows(
                """
                INSERT INTO \(sessions)(id, project_id, slug, directory, title, version, time_created, time_updated)
                    VALUES(?, 'p', 'slug', '/src/web', ?, '1', ?, ?)
                """, [.text(session), .text(title), .int(time), .int(time)])
        }
    }

    /// Adds a message, what hangs on it, and an event; some also add a row with a number that SQLite gives.
    func say(_ message: String, of session: String, text: String, prompt: String?, time: Int64) throws {
        try database.transaction {
            if isSecond {
                try database.rows(
                    """
                    INSERT INTO session_message(id, session_id, type, seq, time_created, time_updated, data) SELECT ?, ?,
                        'user', coalesce(max(seq), 0) + 1, ?, ?, ? FROM session_message WHERE session_id = ?
                    """,
                    [.text(message), .text(session), .int(time), .int(time), .text(text), .text(session)])
            } else {
                try database.rows(
                    "INSERT INTO message(id, session_id, time_created, time_updated, data) VALUES(?, ?, ?, ?, '{}')",
                    [.text(message), .text(session), .int(time), .int(time)])
                try database.rows(
                    """
                    INSERT INTO part(id, message_id, session_id, time_created, time_updated, data)
                        VALUES(?, ?, ?, ?, ?, ?)
                    """,
                    [.text("prt_\(message)"), .text(message), .text(session), .int(time), .int(time), .text(text)])
            }
            try database.rows(
                "UPDATE \(sessions) SET time_updated = ? WHERE id = ?", [.int(time), .text(session)])
            try database.rows("INSERT OR IGNORE INTO event_sequence VALUES(?, 0, NULL)", [.text(session)])
            try database.rows("UPDATE event_sequence SET seq = seq + 1 WHERE aggregate_id = ?", [.text(session)])
            try database.rows(
                """
                INSERT INTO event SELECT ?, aggregate_id, seq, 'message.updated', '{}' FROM event_sequence
                    WHERE aggregate_id = ?
                """, [.text("evt_\(message)"), .text(session)])
            if let prompt {
                try database.rows(
                    "INSERT INTO prompt(session_id, text, time_created) VALUES(?, ?, ?)",
                    [.text(session), .text(prompt), .int(time)])
                try database.rows(
                    "INSERT INTO prompt_part(prompt_id, text) VALUES(last_insert_rowid(), ?)", [.text(prompt)])
            }
        }
    }

    func retitle(_ session: String, title: String, time: Int64) throws {
        try database.rows(
            "UPDATE \(sessions) SET title = ?, time_updated = ? WHERE id = ?",
            [.text(title), .int(time), .text(session)])
    }

    /// Deletes a session with all that belongs to it.
    func drop(_ session: String) throws {
        try database.transaction {
            try database.rows("DELETE FROM \(sessions) WHERE id = ?", [.text(session)])
            try database.rows("DELETE FROM event_sequence WHERE aggregate_id = ?", [.text(session)])
            try database.rows("DELETE FROM prompt WHERE session_id = ?", [.text(session)])
        }
    }

    /// What the agent shows, and what else lies in a database.
    struct Rows {
        var shown: Contents = [:]
        /// Rows that only an older version of the agent would show.
        var hidden: Contents = [:]
        var schema: Schema?
        /// What is not as the agent left it: broken references, children that hang on another parent.
        var defects: [Defect] = []
    }

    struct Defect: Equatable {
        var table: String
        var text: String
    }

    /// Reads the rows of a database, which is left as it is.
    static func read(_ path: String) throws -> Rows {
        let database = try SQLite(path)
        try database.run("PRAGMA query_only=ON")
        var rows = Rows()
        rows.schema = try Schema.of(database)
        if try database.hasTable("session_v2") {
            for row in try database.rows("SELECT id, title FROM session_v2") { rows.shown[.session(row[0])] = row[1] }
            for row in try database.rows("SELECT session_id, id, data FROM session_message") {
                rows.shown[.message(session: row[0], id: row[1])] = row[2]
            }
            if try database.hasTable("session") { try readFirst(database, into: &rows.hidden) }
        } else if try database.hasTable("session") {
            try readFirst(database, into: &rows.shown)
        }
        if try database.hasTable("prompt") {
            for row in try database.rows("SELECT session_id, text FROM prompt") {
                rows.shown[.prompt(session: row[0], text: row[1])] = row[1]
            }
            for row in try database.rows(
                "SELECT c.text, p.text FROM prompt_part c JOIN prompt p ON p.id = c.prompt_id WHERE c.text != p.text")
            {
                rows.defects.append(
                    Defect(table: "prompt", text: "the part '\(row[0])' hangs on the prompt '\(row[1])'"))
            }
        }
        for row in try database.rows("PRAGMA foreign_key_check") {
            rows.defects.append(
                Defect(table: row[0], text: "a row of '\(row[0])' refers to a row of '\(row[2])' that is not there"))
        }
        for row in try database.rows("PRAGMA integrity_check") where row[0] != "ok" {
            rows.defects.append(Defect(table: "integrity", text: row[0]))
        }
        return rows
    }

    private static func readFirst(_ database: SQLite, into contents: inout Contents) throws {
        for row in try database.rows("SELECT id, title FROM session") { contents[.session(row[0])] = row[1] }
        for row in try database.rows(
            "SELECT m.session_id, m.id, p.data FROM message m LEFT JOIN part p ON p.message_id = m.id")
        {
            contents[.message(session: row[0], id: row[1])] = row[2]
        }
    }
}
