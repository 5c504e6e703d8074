/// A version of the agent's database, each made of the one before by a migration.
///
/// The shapes are those of OpenCode 1.x and 2.x, with fewer columns.
package enum Schema: Int, Sendable, CaseIterable, Comparable {
    case v1
    /// One more nullable column.
    case v1Idle
    /// One more column that must have a value, and one more table.
    case v1Kinds
    /// Other tables for sessions and messages; those of before stay, frozen.
    case v2
    /// One more nullable column.
    case v2Viewed

    package static func < (one: Schema, other: Schema) -> Bool { one.rawValue < other.rawValue }

    package init?(_ description: some StringProtocol) {
        guard let schema = Schema.allCases.first(where: { $0.description == description }) else { return nil }
        self = schema
    }

    var next: Schema? { Schema(rawValue: rawValue + 1) }

    private var migration: String {
        switch self {
        case .v1: "20260323234822_events"
        case .v1Idle: "20260901000000_session_idle"
        case .v1Kinds: "20260910000000_message_kinds"
        case .v2: "20260920000000_session_v2"
        case .v2Viewed: "20261001000000_session_viewed"
        }
    }

    /// The version of a database.
    static func of(_ database: SQLite) throws -> Schema? {
        guard try database.hasTable("migration") else { return nil }
        let done = Set(try database.rows("SELECT id FROM migration").map { $0[0] })
        return allCases.last { done.contains($0.migration) }
    }

    /// Makes the tables in an empty database.
    ///
    /// A 2.x that starts afresh has no tables of 1.x, and its columns stand in another order than after a migration.
    func create(in database: SQLite) throws {
        try database.transaction {
            try database.run(Self.common)
            if self < .v2 {
                try database.run(Self.firstTables)
            } else {
                try database.run(Self.secondTables)
                try database.run(
                    Self.sessionTwo(
                        middle: "`resume_attempts` integer DEFAULT 0 NOT NULL, "
                            + (self >= .v2Viewed ? "`time_viewed` integer, " : "")))
                try database.run(Self.messageTwo)
            }
            for schema in Self.allCases where schema <= self {
                if schema > .v1, self < .v2 { try database.run(schema.change) }
                try database.rows("INSERT INTO migration VALUES(?, 1)", [.text(schema.migration)])
            }
            try database.run(
                "INSERT INTO project(id, worktree, time_created, time_updated, sandboxes) VALUES('p', '/src/web', 1, 1, '[]')"
            )
        }
    }

    /// Brings a database of any version to this one, as the agent does at its start.
    func migrate(_ database: SQLite) throws {
        guard let now = try Schema.of(database), now < self else { return }
        try database.transaction {
            for schema in Self.allCases where schema > now && schema <= self {
                if schema == .v2 { try Self.second(database) } else { try database.run(schema.change) }
                try database.rows("INSERT INTO migration VALUES(?, 2)", [.text(schema.migration)])
            }
        }
    }

    private var change: String {
        switch self {
        case .v1, .v2: ""
        case .v1Idle: "ALTER TABLE session ADD COLUMN `time_idle` integer"
        case .v1Kinds:
            """
            ALTER TABLE message ADD COLUMN `kind` text DEFAULT 'chat' NOT NULL;
            CREATE TABLE `todo` (`session_id` text NOT NULL, `content` text NOT NULL, `position` integer NOT NULL,
                CONSTRAINT `todo_pk` PRIMARY KEY(`session_id`, `position`), CONSTRAINT `fk_todo_session`
                FOREIGN KEY (`session_id`) REFERENCES `session`(`id`) ON DELETE CASCADE)
            """
        case .v2Viewed: "ALTER TABLE session_v2 ADD COLUMN `time_viewed` integer"
        }
    }

    /// The import of 1.x into 2.x: it runs once, empties `event`, and leaves the old tables.
    private static func second(_ database: SQLite) throws {
        try database.run(secondTables)
        try database.run(sessionTwo(middle: ""))
        try database.run(messageTwo)
        try database.run("ALTER TABLE session_v2 ADD COLUMN `resume_attempts` integer DEFAULT 0 NOT NULL")
        try database.run(
            """
            INSERT INTO session_v2(id, project_id, parent_id, slug, directory, title, version, cost, time_created, time_updated)
                SELECT id, project_id, parent_id, slug, directory, title, version, cost, time_created, time_updated FROM session;
            INSERT INTO session_message(id, session_id, type, seq, time_created, time_updated, data)
                SELECT id, session_id, 'user', row_number() OVER (PARTITION BY session_id ORDER BY time_created, id),
                    time_created, time_updated, (SELECT p.data FROM part p WHERE p.message_id = message.id LIMIT 1) FROM message;
            DELETE FROM event;
            DELETE FROM event_sequence;
            INSERT INTO kv VALUES('migration.v1-v2', '{"phase":"completed"}', 1, 1);
            """)
    }

    private static let common = """
        CREATE TABLE `migration` (id TEXT PRIMARY KEY, time_completed INTEGER NOT NULL);
        CREATE TABLE `project` (`id` text PRIMARY KEY, `worktree` text NOT NULL, `vcs` text, `name` text,
            `time_created` integer NOT NULL, `time_updated` integer NOT NULL, `sandboxes` text NOT NULL);
        CREATE TABLE `event_sequence` (`aggregate_id` text PRIMARY KEY, `seq` integer NOT NULL, `owner_id` text);
        CREATE TABLE `event` (`id` text PRIMARY KEY, `aggregate_id` text NOT NULL, `seq` integer NOT NULL,
            `type` text NOT NULL, `data` text NOT NULL, CONSTRAINT `fk_event_aggregate` FOREIGN KEY (`aggregate_id`)
            REFERENCES `event_sequence`(`aggregate_id`) ON DELETE CASCADE);
        CREATE UNIQUE INDEX `event_aggregate_seq_idx` ON `event` (`aggregate_id`,`seq`);
        CREATE TABLE `prompt` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `session_id` text NOT NULL, `text` text NOT NULL,
            `time_created` integer NOT NULL);
        CREATE TABLE `prompt_part` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `prompt_id` integer NOT NULL,
            `text` text NOT NULL, CONSTRAINT `fk_prompt_part` FOREIGN KEY (`prompt_id`) REFERENCES `prompt`(`id`)
            ON DELETE CASCADE);
        """

    private static let firstTables = """
        CREATE TABLE `session` (`id` text PRIMARY KEY, `project_id` text NOT NULL, `parent_id` text, `slug` text NOT NULL,
            `directory` text NOT NULL, `title` text NOT NULL, `version` text NOT NULL, `cost` real DEFAULT 0 NOT NULL,
            `time_created` integer NOT NULL, `time_updated` integer NOT NULL, `time_archived` integer,
            CONSTRAINT `fk_session_project` FOREIGN KEY (`project_id`) REFERENCES `project`(`id`) ON DELETE CASCADE);
        CREATE TABLE `message` (`id` text PRIMARY KEY, `session_id` text NOT NULL, `time_created` integer NOT NULL,
            `time_updated` integer NOT NULL, `data` text NOT NULL, CONSTRAINT `fk_message_session`
            FOREIGN KEY (`session_id`) REFERENCES `session`(`id`) ON DELETE CASCADE);
        CREATE TABLE `part` (`id` text PRIMARY KEY, `message_id` text NOT NULL, `session_id` text NOT NULL,
            `time_created` integer NOT NULL, `time_updated` integer NOT NULL, `data` text NOT NULL,
            CONSTRAINT `fk_part_message` FOREIGN KEY (`message_id`) REFERENCES `message`(`id`) ON DELETE CASCADE);
        CREATE INDEX `message_session_idx` ON `message` (`session_id`,`time_created`,`id`);
        CREATE INDEX `part_message_idx` ON `part` (`message_id`,`id`);
        CREATE INDEX `session_project_idx` ON `session` (`project_id`);
        """

    private static let secondTables = """
        CREATE TABLE `kv` (`key` text PRIMARY KEY, `value` text NOT NULL, `time_created` integer NOT NULL,
            `time_updated` integer NOT NULL);
        """

    private static func sessionTwo(middle: String) -> String {
        """
        CREATE TABLE `session_v2` (`id` text PRIMARY KEY, `project_id` text NOT NULL, `parent_id` text,
            `slug` text NOT NULL, `directory` text NOT NULL, `title` text, `version` text NOT NULL, \(middle)
            `cost` real DEFAULT 0 NOT NULL, `time_created` integer NOT NULL, `time_updated` integer NOT NULL,
            CONSTRAINT `fk_session_v2_project` FOREIGN KEY (`project_id`) REFERENCES `project`(`id`) ON DELETE CASCADE);
        CREATE INDEX `session_v2_project_idx` ON `session_v2` (`project_id`);
        """
    }

    private static let messageTwo = """
        CREATE TABLE `session_message` (`id` text PRIMARY KEY, `session_id` text NOT NULL, `type` text NOT NULL,
            `seq` integer NOT NULL, `time_created` integer NOT NULL, `time_updated` integer NOT NULL, `data` text NOT NULL,
            CONSTRAINT `fk_session_message` FOREIGN KEY (`session_id`) REFERENCES `session_v2`(`id`) ON DELETE CASCADE);
        CREATE UNIQUE INDEX `session_message_seq_idx` ON `session_message` (`session_id`,`seq`);
        """
}

extension Schema: CustomStringConvertible {
    package var description: String {
        switch self {
        case .v1: "v1"
        case .v1Idle: "v1-idle"
        case .v1Kinds: "v1-kinds"
        case .v2: "v2"
        case .v2Viewed: "v2-viewed"
        }
    }
}
