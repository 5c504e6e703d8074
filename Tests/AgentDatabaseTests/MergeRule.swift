import Testing

/// One rule of the merge: a base, a change on each side, and what comes out.
struct MergeRule: Sendable, CustomTestStringConvertible {
    let name: String
    let schema: String
    var ours = ""
    var theirs = ""
    var query = "SELECT * FROM t ORDER BY 1, 2"
    let rows: [String]
    var conflicts = 0
    /// Rows that lost or have no place, by what is said of them.
    var losses: [String] = []
    var warnings = 0
    var hasBase = true

    var testDescription: String { name }

    static let timed = """
        CREATE TABLE t (id text PRIMARY KEY, time_updated integer, data text);
        INSERT INTO t VALUES ('a', 1, 'base'), ('b', 1, 'base');
        """
    static let plain = """
        CREATE TABLE t (id text PRIMARY KEY, data text); INSERT INTO t VALUES ('a', 'base'), ('b', 'base');
        """
    static let unique = """
        CREATE TABLE t (id text PRIMARY KEY, name text UNIQUE); INSERT INTO t VALUES ('a', 'x'), ('b', 'y');
        """
    static let numbered = """
        CREATE TABLE t (id text PRIMARY KEY, g text, seq integer, UNIQUE (g, seq));
        INSERT INTO t VALUES ('a', 'g', 1);
        """
    static let automatic = """
        CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT, data text); INSERT INTO t VALUES (1, 'base');
        """
    static let generations = """
        CREATE TABLE p (id integer PRIMARY KEY AUTOINCREMENT, data text);
        CREATE TABLE t (id integer PRIMARY KEY, p integer REFERENCES p(id) ON DELETE CASCADE, data text);
        CREATE TABLE u (id text PRIMARY KEY, t integer REFERENCES t);
        INSERT INTO p VALUES (1, 'base'); INSERT INTO t VALUES (1, 1, 'base'); INSERT INTO u VALUES ('base', 1);
        """
    static let keyless = "CREATE TABLE t (data text); INSERT INTO t VALUES ('a'), ('b');"
    static let family = """
        CREATE TABLE p (id text PRIMARY KEY, data text);
        CREATE TABLE t (id text PRIMARY KEY, p text REFERENCES p(id) ON DELETE CASCADE, data text);
        CREATE TABLE u (id text PRIMARY KEY, t text REFERENCES t ON DELETE CASCADE);
        INSERT INTO p VALUES ('p', 'base'); INSERT INTO t VALUES ('a', 'p', 'base'), ('b', 'p', 'base');
        INSERT INTO u VALUES ('1', 'a'), ('2', 'b');
        """
    static let familyQuery = """
        SELECT 'p' AS x, id, data FROM p UNION ALL SELECT 't', id, data FROM t UNION ALL SELECT 'u', id, t FROM u
        ORDER BY 1, 2
        """
    static let wholeFamily = ["p|p|base", "t|a|base", "t|b|base", "u|1|a", "u|2|b"]

    static let all: [MergeRule] = changes + deletions + numbers + uniqueness + shapes
}

extension MergeRule {
    static let changes: [MergeRule] = [
        MergeRule(name: "nothing changed", schema: timed, rows: ["a|1|base", "b|1|base"]),
        MergeRule(
            name: "changed on one side", schema: timed, ours: "UPDATE t SET data = 'ours' WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs' WHERE id = 'b'", rows: ["a|1|ours", "b|1|theirs"]),
        MergeRule(
            name: "changed to NULL on one side", schema: timed, ours: "UPDATE t SET data = NULL WHERE id = 'a'",
            rows: ["a|1|NULL", "b|1|base"]),
        MergeRule(
            name: "added on both sides", schema: plain, ours: "INSERT INTO t VALUES ('c', 'ours')",
            theirs: "INSERT INTO t VALUES ('d', 'theirs')", rows: ["a|base", "b|base", "c|ours", "d|theirs"]),
        MergeRule(
            name: "changed alike on both sides", schema: plain, ours: "UPDATE t SET data = 'same'",
            theirs: "UPDATE t SET data = 'same'", rows: ["a|same", "b|same"]),
        MergeRule(
            name: "changed on both sides, later on ours", schema: timed,
            ours: "UPDATE t SET data = 'ours', time_updated = 3 WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs', time_updated = 2 WHERE id = 'a'", rows: ["a|3|ours", "b|1|base"],
            conflicts: 1, losses: ["1 row of 't'"]),
        MergeRule(
            name: "changed on both sides, later on theirs", schema: timed,
            ours: "UPDATE t SET data = 'ours', time_updated = 2 WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs', time_updated = 3 WHERE id = 'a'",
            rows: ["a|3|theirs", "b|1|base"], conflicts: 1, losses: ["1 row of 't'"]),
        MergeRule(
            name: "changed on both sides at one time", schema: timed, ours: "UPDATE t SET data = 'ours'",
            theirs: "UPDATE t SET data = 'theirs'", rows: ["a|1|theirs", "b|1|theirs"], conflicts: 2,
            losses: ["2 rows of 't'"]),
        MergeRule(
            name: "changed on both sides, but for the time alike", schema: timed,
            ours: "UPDATE t SET data = 'same', time_updated = 3 WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'same', time_updated = 2 WHERE id = 'a'", rows: ["a|3|same", "b|1|base"]),
        MergeRule(
            name: "changed on both sides, a time that is no number", schema: timed,
            ours: "UPDATE t SET data = 'ours', time_updated = 'z' WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs', time_updated = 9 WHERE id = 'a'",
            rows: ["a|9|theirs", "b|1|base"], conflicts: 1, losses: ["1 row of 't'"]),
        MergeRule(
            name: "changed on both sides without a time", schema: plain, ours: "UPDATE t SET data = 'ours'",
            theirs: "UPDATE t SET data = 'theirs'", rows: ["a|theirs", "b|theirs"], conflicts: 2,
            losses: ["2 rows of 't'"]),
        MergeRule(
            name: "added differently on both sides", schema: timed, ours: "INSERT INTO t VALUES ('c', 7, 'ours')",
            theirs: "INSERT INTO t VALUES ('c', 6, 'theirs')", rows: ["a|1|base", "b|1|base", "c|7|ours"],
            conflicts: 1, losses: ["1 row of 't'"]),
        MergeRule(
            name: "text that a collation calls equal",
            schema: "CREATE TABLE t (id text PRIMARY KEY, d text COLLATE NOCASE); INSERT INTO t VALUES ('a', 'x')",
            ours: "UPDATE t SET d = 'X'", rows: ["a|X"]),
        MergeRule(
            name: "no base: nothing counts as deleted", schema: timed,
            ours: "DELETE FROM t WHERE id = 'a'; INSERT INTO t VALUES ('c', 1, 'ours')",
            theirs: "UPDATE t SET data = 'theirs' WHERE id = 'b'", rows: ["a|1|base", "b|1|theirs", "c|1|ours"],
            conflicts: 1, losses: ["1 row of 't'"], hasBase: false),
    ]

    static let deletions: [MergeRule] = [
        MergeRule(
            name: "deleted on one side", schema: plain, ours: "DELETE FROM t WHERE id = 'a'", rows: ["b|base"]),
        MergeRule(
            name: "deleted on both sides", schema: plain, ours: "DELETE FROM t", theirs: "DELETE FROM t", rows: []),
        MergeRule(
            name: "deleted on one side, changed on the other", schema: plain, ours: "DELETE FROM t WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs'", rows: ["a|theirs", "b|theirs"]),
        MergeRule(
            name: "a deleted parent whose child was added to is back, with all of its own", schema: family,
            ours: "PRAGMA foreign_keys = ON; DELETE FROM p", theirs: "INSERT INTO u VALUES ('3', 'a')",
            query: familyQuery, rows: wholeFamily + ["u|3|a"], warnings: 3),
        MergeRule(
            name: "a deleted parent that was changed is back, with all of its own", schema: family,
            ours: "PRAGMA foreign_keys = ON; DELETE FROM t WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs' WHERE id = 'a'", query: familyQuery,
            rows: ["p|p|base", "t|a|theirs", "t|b|base", "u|1|a", "u|2|b"], warnings: 1),
        MergeRule(
            name: "a parent deleted on one side goes with its children", schema: family,
            ours: "PRAGMA foreign_keys = ON; DELETE FROM t WHERE id = 'a'",
            theirs: "INSERT INTO u VALUES ('3', 'b')", query: familyQuery,
            rows: ["p|p|base", "t|b|base", "u|2|b", "u|3|b"]),
        MergeRule(
            name: "a row that referred to nothing before still does", schema: family,
            ours: "INSERT INTO u VALUES ('3', 'none')", theirs: "INSERT INTO u VALUES ('4', 'nothing')",
            query: familyQuery, rows: wholeFamily + ["u|3|none", "u|4|nothing"]),
    ]

    static let numbers: [MergeRule] = [
        MergeRule(
            name: "one running number on both sides: new rows follow each other", schema: numbered,
            ours: "INSERT INTO t VALUES ('b', 'g', 2), ('c', 'g', 3), ('d', 'h', 1)",
            theirs: "INSERT INTO t VALUES ('e', 'g', 2), ('f', 'g', 4)",
            rows: ["a|g|1", "b|g|2", "c|g|3", "d|h|1", "e|g|4", "f|g|5"]),
        MergeRule(
            name: "running numbers that differ stay", schema: numbered, ours: "INSERT INTO t VALUES ('b', 'g', 2)",
            theirs: "INSERT INTO t VALUES ('c', 'g', 3)", rows: ["a|g|1", "b|g|2", "c|g|3"]),
        MergeRule(
            name: "one automatic number on both sides: one side's rows move behind", schema: automatic,
            ours: "INSERT INTO t VALUES (2, 'ours'), (3, 'ours too')", theirs: "INSERT INTO t VALUES (2, 'theirs')",
            rows: ["1|base", "2|theirs", "4|ours", "5|ours too"]),
        MergeRule(
            name: "a number that SQLite gives without a promise",
            schema: "CREATE TABLE t (id integer PRIMARY KEY, data); "
                + "INSERT INTO t VALUES (1, 'base')",
            ours: "INSERT INTO t VALUES (2, 'ours')", theirs: "INSERT INTO t VALUES (2, 'theirs')",
            rows: ["1|base", "2|theirs", "3|ours"]),
        MergeRule(
            name: "a table of one row is not numbered anew", schema: "CREATE TABLE t (id integer PRIMARY KEY, data)",
            ours: "INSERT INTO t VALUES (1, 'ours')", theirs: "INSERT INTO t VALUES (1, 'theirs')",
            rows: ["1|theirs"], conflicts: 1, losses: ["1 row of 't'"]),
        MergeRule(
            name: "children follow parents that are numbered anew", schema: generations,
            ours: """
                INSERT INTO p VALUES (2, 'ours'); INSERT INTO t VALUES (2, 2, 'ours');
                INSERT INTO u VALUES ('ours', 2), ('ours too', 2);
                """,
            theirs: """
                INSERT INTO p VALUES (2, 'theirs'); INSERT INTO t VALUES (2, 2, 'theirs');
                INSERT INTO u VALUES ('theirs', 2);
                """,
            query: "SELECT p.data, t.data, u.id FROM u JOIN t ON t.id = u.t JOIN p ON p.id = t.p ORDER BY 3",
            rows: ["base|base|base", "ours|ours|ours", "ours|ours|ours too", "theirs|theirs|theirs"]),
        MergeRule(
            name: "a child of a row that a former merge has numbered anew follows it",
            schema: generations
                + "INSERT INTO p VALUES (2, 'mine'); INSERT INTO t VALUES (2, 2, 'mine'); INSERT INTO u VALUES ('mine', 2);",
            ours: "INSERT INTO t VALUES (3, 2, 'mine'); INSERT INTO u VALUES ('new', 3)",
            theirs: """
                UPDATE p SET data = 'yours' WHERE id = 2; INSERT INTO p VALUES (3, 'mine');
                UPDATE t SET data = 'yours' WHERE id = 2; INSERT INTO t VALUES (3, 3, 'mine');
                UPDATE u SET t = 3 WHERE id = 'mine'; INSERT INTO u VALUES ('yours', 2);
                """,
            query: "SELECT p.data, t.data, u.id FROM u JOIN t ON t.id = u.t JOIN p ON p.id = t.p ORDER BY 3",
            rows: ["base|base|base", "mine|mine|mine", "mine|mine|new", "yours|yours|yours"]),
        MergeRule(
            name: "events of one aggregate all stay, and its sequence is their last",
            schema: AgentSchema.v2 + AgentSchema.conversation,
            ours: """
                INSERT INTO event VALUES ('e3', 's', 3, 'x', 'o'), ('e4', 's', 4, 'x', 'o');
                UPDATE event_sequence SET seq = 4;
                """,
            theirs: "INSERT INTO event VALUES ('e5', 's', 3, 'x', 't'); UPDATE event_sequence SET seq = 3",
            query: "SELECT id, seq FROM event UNION ALL SELECT aggregate_id, seq FROM event_sequence ORDER BY 1",
            rows: ["e1|1", "e2|2", "e3|3", "e4|4", "e5|5", "s|5"]),
        MergeRule(
            name: "events are numbered without gaps where the database does not ask for it",
            schema: AgentSchema.v1 + AgentSchema.conversation,
            ours: "INSERT INTO event VALUES ('e3', 's', 3, 'x', 'o'); UPDATE event_sequence SET seq = 3",
            theirs: "INSERT INTO event VALUES ('e5', 's', 4, 'x', 't'); UPDATE event_sequence SET seq = 4",
            query: "SELECT id, seq FROM event UNION ALL SELECT aggregate_id, seq FROM event_sequence ORDER BY 1",
            rows: ["e1|1", "e2|2", "e3|3", "e5|4", "s|4"]),
        MergeRule(
            name: "messages of one session are numbered in the order of time",
            schema: AgentSchema.v2 + AgentSchema.conversation2,
            ours:
                "INSERT INTO session_message VALUES ('m3', 's', 'user', 3, 30, 30, 'o'), ('m5', 's', 'user', 4, 50, 50, 'o')",
            theirs:
                "INSERT INTO session_message VALUES ('m4', 's', 'user', 3, 40, 40, 't'), ('m6', 's', 'x', 4, 60, 60, 't')",
            query: "SELECT seq, id FROM session_message ORDER BY 1",
            rows: ["1|m1", "2|m2", "3|m3", "4|m4", "5|m5", "6|m6"]),
        MergeRule(
            name: "messages that a former merge has numbered anew keep their numbers",
            schema: AgentSchema.v2 + AgentSchema.conversation2
                + "INSERT INTO session_message VALUES ('m4', 's', 'user', 3, 40, 40, 'mine')",
            ours: "UPDATE session_message SET data = 'changed', time_updated = 99 WHERE id = 'm4'; "
                + "INSERT INTO session_message VALUES ('m5', 's', 'user', 4, 50, 50, 'mine')",
            theirs: "UPDATE session_message SET seq = 4 WHERE id = 'm4'; "
                + "INSERT INTO session_message VALUES ('m3', 's', 'user', 3, 30, 30, 'yours')",
            query: "SELECT seq, id, data FROM session_message ORDER BY 1",
            rows: ["1|m1|{}", "2|m2|{}", "3|m3|yours", "4|m4|changed", "5|m5|mine"]),
    ]

    static let uniqueness: [MergeRule] = [
        MergeRule(
            name: "one unique name on both sides", schema: unique, ours: "INSERT INTO t VALUES ('c', 'z')",
            theirs: "INSERT INTO t VALUES ('d', 'z')", rows: ["a|x", "b|y", "d|z"], conflicts: 1,
            losses: ["1 row of 't'"]),
        MergeRule(
            name: "rows that exchange unique names", schema: unique,
            ours: "UPDATE t SET name = '-' WHERE id = 'a'; UPDATE t SET name = 'x' WHERE id = 'b'; "
                + "UPDATE t SET name = 'y' WHERE id = 'a'",
            theirs: "INSERT INTO t VALUES ('c', 'z')", rows: ["a|y", "b|x", "c|z"]),
        MergeRule(
            name: "what belongs to a row that gave way goes with it",
            schema: unique + "CREATE TABLE u (id text PRIMARY KEY, t REFERENCES t ON DELETE CASCADE)",
            ours: "INSERT INTO t VALUES ('c', 'z'); INSERT INTO u VALUES ('1', 'c')",
            theirs: "INSERT INTO t VALUES ('d', 'z'); INSERT INTO u VALUES ('2', 'd')",
            query: "SELECT id, name FROM t UNION ALL SELECT id, t FROM u ORDER BY 1",
            rows: ["2|d", "a|x", "b|y", "d|z"], conflicts: 1, losses: ["1 row of 't'", "1 row of 'u'"]),
    ]

    static let shapes: [MergeRule] = [
        MergeRule(
            name: "a table without a primary key, changed on one side", schema: keyless,
            ours: "DELETE FROM t WHERE data = 'a'", query: "SELECT data FROM t", rows: ["b"]),
        MergeRule(
            name: "a table without a primary key, changed on both", schema: keyless,
            ours: "INSERT INTO t VALUES ('ours'); DELETE FROM t WHERE data = 'a'",
            theirs: "INSERT INTO t VALUES ('theirs')", query: "SELECT data FROM t ORDER BY 1",
            rows: ["b", "ours", "theirs"]),
        MergeRule(
            name: "a key with NULL", schema: plain, ours: "INSERT INTO t VALUES (NULL, 'ours')",
            theirs: "INSERT INTO t VALUES (NULL, 'theirs')",
            rows: ["NULL|ours", "NULL|theirs", "a|base", "b|base"]),
        MergeRule(
            name: "a key of several columns, without rowid",
            schema: "CREATE TABLE t (x text, y integer, d, PRIMARY KEY (y, x)) WITHOUT ROWID;"
                + "INSERT INTO t VALUES ('a', 1, 'base'), ('a', 2, 'base'), ('b', 1, 'base')",
            ours: "UPDATE t SET d = 'ours' WHERE y = 2; DELETE FROM t WHERE x = 'b'",
            theirs: "INSERT INTO t VALUES ('c', 3, 'theirs')", rows: ["a|1|base", "a|2|ours", "c|3|theirs"]),
        MergeRule(
            name: "a table of keys alone", schema: "CREATE TABLE t (id text PRIMARY KEY); INSERT INTO t VALUES ('a')",
            ours: "INSERT INTO t VALUES ('b')", theirs: "DELETE FROM t", query: "SELECT id FROM t", rows: ["b"]),
        MergeRule(
            name: "generated columns",
            schema: "CREATE TABLE t (id text PRIMARY KEY, a integer, b AS (a + 1), c AS (a * 2) STORED)",
            ours: "INSERT INTO t (id, a) VALUES ('x', 1)", theirs: "INSERT INTO t (id, a) VALUES ('y', 2)",
            rows: ["x|1|2|2", "y|2|3|4"]),
        MergeRule(
            name: "names with quotes",
            schema: #"CREATE TABLE "a""b'c" ("k""[" text PRIMARY KEY, "select" blob)"#,
            ours: #"INSERT INTO "a""b'c" VALUES ('', x'')"#, theirs: #"INSERT INTO "a""b'c" VALUES ('y', '')"#,
            query: #"SELECT * FROM "a""b'c" ORDER BY 1"#, rows: ["|x[]", "y|"]),
    ]
}
