import FileIO
import Foundation
import Testing

@testable import AgentDatabase

@Suite("Secrets of a database")
struct DatabaseSecretsTests {
    static let schema = """
        CREATE TABLE session (id TEXT PRIMARY KEY, title TEXT);
        CREATE TABLE account (id TEXT PRIMARY KEY, email TEXT NOT NULL, access_token TEXT NOT NULL);
        CREATE TABLE account_state (id INTEGER PRIMARY KEY NOT NULL, active_account_id TEXT);
        CREATE TABLE control_account (email TEXT, access_token TEXT NOT NULL, PRIMARY KEY (email));
        CREATE TABLE credential (id TEXT PRIMARY KEY, label TEXT NOT NULL, value TEXT NOT NULL);
        CREATE INDEX credential_value ON credential (value);
        CREATE TABLE "Credential ""key" (id INTEGER PRIMARY KEY, value BLOB);
        CREATE TABLE session_share (
            session_id TEXT PRIMARY KEY, id TEXT NOT NULL, secret TEXT NOT NULL, url TEXT NOT NULL);
        """
    static let rows = """
        INSERT INTO session VALUES ('ses_1', 'kept title'), ('ses_2', 'other title');
        INSERT INTO account VALUES ('a', 'me@example.com', 'ACCOUNT-SECRET');
        INSERT INTO account_state VALUES (1, 'a');
        INSERT INTO control_account VALUES ('me@example.com', 'CONTROL-SECRET');
        INSERT INTO credential VALUES ('c', 'key', 'ROTATED-SECRET' || hex(zeroblob(6000)));
        UPDATE credential SET value = 'CREDENTIAL-SECRET';
        INSERT INTO "Credential ""key" VALUES (1, CAST('QUOTED-SECRET' || hex(zeroblob(9000)) AS BLOB));
        INSERT INTO session_share VALUES ('ses_1', 'sh_1', 'SHARE-SECRET', 'https://share/1'), ('ses_2', 'sh_2', '', '');
        """
    static let secrets = [
        "ACCOUNT-SECRET", "CONTROL-SECRET", "ROTATED-SECRET", "CREDENTIAL-SECRET", "QUOTED-SECRET", "SHARE-SECRET",
    ]

    private func remove(_ image: ImageFixture) throws -> DatabaseSecrets.Removal {
        try image.open { try DatabaseSecrets.remove(from: $0) }
    }

    @Test("None of their bytes is left, and all else is", arguments: ImageFixture.pageSizes)
    func removes(pageSize: Int) throws {
        let image = try ImageFixture(pageSize: pageSize, Self.schema + Self.rows)
        #expect(try found(Self.secrets, in: image.bytes).count >= 5)
        #expect(try remove(image) == DatabaseSecrets.Removal(rows: 5))
        try image.zeroUnused()
        #expect(try found(Self.secrets, in: image.bytes) == [])
        #expect(try image.isIntact())
        try image.open { connection throws in
            #expect(try connection.rows("SELECT title FROM session").count == 2)
            #expect(try connection.rows("SELECT * FROM account_state") == [[.integer(1), .text("a")]])
            #expect(try connection.rows("SELECT count(*) FROM account") == [[.integer(0)]])
            #expect(try connection.rows("SELECT count(*) FROM \"credential \"\"KEY\"") == [[.integer(0)]])
            #expect(
                try connection.rows("SELECT secret, url FROM session_share") == [
                    [.text(""), .text("https://share/1")], [.text(""), .text("")],
                ])
        }
    }

    @Test("A second removal changes nothing")
    func removesTwice() throws {
        let image = try ImageFixture(Self.schema + Self.rows)
        _ = try remove(image)
        try image.zeroUnused()
        let once = try image.dump()
        #expect(try remove(image) == DatabaseSecrets.Removal())
        #expect(try image.dump() == once)
    }

    @Test("A secret that may be missing goes missing, and hides behind nothing")
    func optionalSecret() throws {
        let image = try ImageFixture(
            """
            CREATE TABLE Session_Share (session_id TEXT PRIMARY KEY, Secret, CHECK (Secret IS NOT NULL));
            INSERT INTO session_share VALUES ('1', CAST(x'00' || 'SHARE-SECRET' AS TEXT)), ('2', x'01');
            """)
        #expect(try remove(image).rows == 2)
        try image.open { connection throws in
            #expect(try connection.rows("SELECT secret FROM session_share") == [[.null], [.null]])
        }
    }

    @Test("Nothing that the image brings along runs")
    func hostileTriggers() throws {
        let image = try ImageFixture(
            Self.schema + Self.rows + """
                CREATE TABLE stolen (text);
                CREATE TABLE child (id REFERENCES account (id) ON DELETE CASCADE);
                INSERT INTO child VALUES ('a');
                CREATE TRIGGER one BEFORE DELETE ON account BEGIN INSERT INTO stolen VALUES (old.access_token); END;
                CREATE TRIGGER two AFTER DELETE ON credential BEGIN INSERT INTO stolen VALUES (old.value); END;
                CREATE TRIGGER three AFTER UPDATE ON session_share BEGIN INSERT INTO stolen VALUES (old.secret); END;
                CREATE TRIGGER four BEFORE DELETE ON control_account BEGIN SELECT RAISE(ABORT, 'no'); END;
                """)
        try image.open { connection throws in
            try connection.execute("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON")
            #expect(try DatabaseSecrets.remove(from: connection).rows == 5)
            #expect(try connection.rows("SELECT * FROM stolen") == [])
            #expect(try connection.rows("SELECT * FROM child").count == 1)
        }
        try image.zeroUnused()
        #expect(try found(Self.secrets, in: image.bytes) == [])
    }

    @Test("Samples that the planner keeps of an index go too")
    func statistics() throws {
        let image = try ImageFixture(Self.schema + Self.rows)
        try image.open { connection throws in
            try connection.execute(
                """
                CREATE TABLE samples (tbl, idx, neq, nlt, ndlt, sample);
                INSERT INTO samples VALUES ('Credential', 'credential_value', '', '', '', 'CREDENTIAL-SECRET'),
                    ('session', 'x', '', '', '', 'kept sample');
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET name = 'sqlite_stat4', tbl_name = 'sqlite_stat4',
                    sql = 'CREATE TABLE sqlite_stat4(tbl, idx, neq, nlt, ndlt, sample)' WHERE name = 'samples';
                """)
        }
        _ = try remove(image)
        try image.zeroUnused()
        #expect(try found(Self.secrets, in: image.bytes) == [])
        #expect(try found(["kept sample"], in: image.bytes).count == 1)
    }

    @Test("Views and virtual tables are named, not touched")
    func leavesAlone() throws {
        let image = try ImageFixture(
            """
            CREATE TABLE text (value);
            INSERT INTO text VALUES ('1');
            CREATE VIEW account AS SELECT value AS access_token FROM text;
            CREATE VIRTUAL TABLE credential_search USING fts4 (value);
            INSERT INTO credential_search VALUES ('2');
            """)
        let removal = try remove(image)
        #expect(removal.rows == 0)
        #expect(removal.leftAlone.contains("account"))
        #expect(removal.leftAlone.contains("credential_search"))
        #expect(removal.leftAlone.contains("credential_search_content"))
        #expect(try image.open { try $0.rows("SELECT count(*) FROM credential_search") } == [[.integer(1)]])
    }

    @Test("A database without secrets is left as it is")
    func withoutSecrets() throws {
        let image = try ImageFixture("CREATE TABLE session (id); INSERT INTO session VALUES (1)")
        let before = try image.bytes
        #expect(try remove(image) == DatabaseSecrets.Removal())
        #expect(try image.bytes == before)
    }
}

@Suite("Secrets that a restore keeps")
struct KeptSecretsTests {
    private func fixtures(
        present: String, image: String
    ) throws -> (present: ImageFixture, image: ImageFixture) {
        let fixtures = try (ImageFixture(), ImageFixture())
        try fixtures.0.open(.create) { try $0.execute(present) }
        try fixtures.1.open(.create) { try $0.execute(image) }
        return fixtures
    }

    private func carry(_ present: ImageFixture, _ image: ImageFixture) throws -> DatabaseSecrets.CarriedOver {
        let source = try SQLiteConnection(present.path, .read)
        return try image.open { try DatabaseSecrets.carryOver(from: source, into: $0) }
    }

    @Test("The machine's own logins, keys and shares are back after a restore")
    func roundTrip() throws {
        let (schema, rows) = (DatabaseSecretsTests.schema, DatabaseSecretsTests.rows)
        let (present, image) = try fixtures(present: schema + rows, image: schema + rows)
        let before = try present.dump()
        try image.open { try DatabaseSecrets.remove(from: $0) }
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(kept: 6))
        #expect(try image.dump() == before)
        #expect(try present.dump() == before)
        #expect(try image.isIntact())
    }

    @Test("The machine's rows replace those of the image, which stay where the machine has none")
    func replaces() throws {
        let (present, image) = try fixtures(
            present: DatabaseSecretsTests.schema + "INSERT INTO account VALUES ('mine', 'me', 'own')",
            image: DatabaseSecretsTests.schema + """
                INSERT INTO account VALUES ('mine', 'me', 'old'), ('other', 'you', 'x');
                INSERT INTO credential VALUES ('c', 'l', 'v');
                """)
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(kept: 1))
        try image.open { connection throws in
            #expect(try connection.rows("SELECT access_token FROM account") == [[.text("own")]])
            #expect(try connection.rows("SELECT value FROM credential") == [[.text("v")]])
        }
    }

    @Test("Of different versions the columns that both have are taken")
    func otherColumns() throws {
        let (present, image) = try fixtures(
            present: """
                CREATE TABLE account (ID TEXT PRIMARY KEY, gone INT, token TEXT, both TEXT AS (ID || token));
                INSERT INTO account VALUES ('a', 1, 't');
                """,
            image: "CREATE TABLE Account (id TEXT PRIMARY KEY, Token TEXT, new INT NOT NULL DEFAULT 7, more)")
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(kept: 1))
        #expect(
            try image.open { try $0.rows("SELECT * FROM account") } == [[.text("a"), .text("t"), .integer(7), .null]])
    }

    @Test("Rows that the image has no place for are counted, and cost it nothing")
    func skips() throws {
        let (present, image) = try fixtures(
            present: """
                CREATE TABLE account (id TEXT, token TEXT);
                INSERT INTO account VALUES ('a', 't'), ('b', 'u');
                CREATE TABLE control_account (email TEXT);
                INSERT INTO control_account VALUES ('x'), (NULL), ('y');
                CREATE TABLE credential (old TEXT);
                INSERT INTO credential VALUES ('z');
                """,
            image: """
                CREATE TABLE account (id TEXT, needed TEXT NOT NULL);
                INSERT INTO account VALUES ('image', 'own');
                CREATE TABLE control_account (email TEXT NOT NULL);
                CREATE TABLE credential (new TEXT);
                """)
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(kept: 2, skipped: 4))
        try image.open { connection throws in
            #expect(try connection.rows("SELECT needed FROM account") == [[.text("own")]])
            #expect(try connection.rows("SELECT email FROM control_account") == [[.text("x")], [.text("y")]])
        }
    }

    @Test("A table of a later version is not made, since the upgrade will make it")
    func missingTable() throws {
        let (present, image) = try fixtures(
            present: "CREATE TABLE credential (v); INSERT INTO credential VALUES (1); CREATE TABLE credential_key (v)",
            image: "CREATE TABLE session (id)")
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(skipped: 1, missingTables: ["credential"]))
        #expect(try image.open { try $0.tables() }.filter { DatabaseSecrets.isSecret(table: $0.name) } == [])
    }

    @Test("The secret of a share goes to that share only")
    func shares() throws {
        let schema = "CREATE TABLE session_share (session_id TEXT PRIMARY KEY, id TEXT, secret TEXT NOT NULL);"
        let (present, image) = try fixtures(
            present: schema + "INSERT INTO session_share VALUES ('1', 'a', 's1'), ('2', 'b', 's2'), ('3', 'c', '')",
            image: schema + "INSERT INTO session_share VALUES ('1', 'a', ''), ('2', 'new', ''), ('3', 'c', 'kept')")
        #expect(try carry(present, image) == DatabaseSecrets.CarriedOver(kept: 1, skipped: 1))
        #expect(
            try image.open { try $0.rows("SELECT secret FROM session_share ORDER BY 1") } == [
                [.text("")], [.text("kept")], [.text("s1")],
            ])
    }

    @Test("Triggers of the image see nothing of it")
    func hostileTriggers() throws {
        let (present, image) = try fixtures(
            present: DatabaseSecretsTests.schema + DatabaseSecretsTests.rows,
            image: DatabaseSecretsTests.schema + """
                CREATE TABLE stolen (text);
                CREATE TRIGGER one AFTER INSERT ON account BEGIN INSERT INTO stolen VALUES (new.access_token); END;
                CREATE TRIGGER two AFTER INSERT ON credential BEGIN INSERT INTO stolen VALUES (new.value); END;
                """)
        #expect(try carry(present, image).kept > 0)
        #expect(try image.open { try $0.rows("SELECT * FROM stolen") } == [])
    }
}
