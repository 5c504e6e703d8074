import Testing

/// One rule of the merge: a base, a change on each side, and what comes out.
struct MergeRule: Sendable, CustomTestStringConvertible {
    let name: String
    let schema: String
    var ours = ""
    var theirs = ""
    var query = "SELECT * FROM t ORDER BY 1"
    /// The rows if theirs is the newer image.
    let rows: [String]
    /// The rows if ours is, where that matters.
    var oursNewer: [String]?
    var conflicts = 0
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
            conflicts: 1),
        MergeRule(
            name: "changed on both sides, later on theirs", schema: timed,
            ours: "UPDATE t SET data = 'ours', time_updated = 2 WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs', time_updated = 3 WHERE id = 'a'",
            rows: ["a|3|theirs", "b|1|base"], conflicts: 1),
        MergeRule(
            name: "changed on both sides at one time", schema: timed, ours: "UPDATE t SET data = 'ours'",
            theirs: "UPDATE t SET data = 'theirs'", rows: ["a|1|theirs", "b|1|theirs"],
            oursNewer: ["a|1|ours", "b|1|ours"], conflicts: 2),
        MergeRule(
            name: "changed on both sides, a time that is no number", schema: timed,
            ours: "UPDATE t SET data = 'ours', time_updated = 'z' WHERE id = 'a'",
            theirs: "UPDATE t SET data = 'theirs', time_updated = 9 WHERE id = 'a'",
            rows: ["a|9|theirs", "b|1|base"], oursNewer: ["a|z|ours", "b|1|base"], conflicts: 1),
        MergeRule(
            name: "changed on both sides without a time", schema: plain, ours: "UPDATE t SET data = 'ours'",
            theirs: "UPDATE t SET data = 'theirs'", rows: ["a|theirs", "b|theirs"], oursNewer: ["a|ours", "b|ours"],
            conflicts: 2),
        MergeRule(
            name: "added differently on both sides", schema: timed, ours: "INSERT INTO t VALUES ('c', 7, 'ours')",
            theirs: "INSERT INTO t VALUES ('c', 6, 'theirs')", rows: ["a|1|base", "b|1|base", "c|7|ours"],
            conflicts: 1),
        MergeRule(
            name: "text that a collation calls equal",
            schema: "CREATE TABLE t (id text PRIMARY KEY, d text COLLATE NOCASE); INSERT INTO t VALUES ('a', 'x')",
            ours: "UPDATE t SET d = 'X'", rows: ["a|X"]),
        MergeRule(
            name: "no base: nothing counts as deleted", schema: timed,
            ours: "DELETE FROM t WHERE id = 'a'; INSERT INTO t VALUES ('c', 1, 'ours')",
            theirs: "UPDATE t SET data = 'theirs' WHERE id = 'b'", rows: ["a|1|base", "b|1|theirs", "c|1|ours"],
            oursNewer: ["a|1|base", "b|1|base", "c|1|ours"], conflicts: 1, hasBase: false),
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
            name: "one running number on both sides: the newer's rows move behind", schema: numbered,
            ours: "INSERT INTO t VALUES ('b', 'g', 2), ('c', 'g', 3), ('d', 'h', 1)",
            theirs: "INSERT INTO t VALUES ('e', 'g', 2), ('f', 'g', 4)",
            rows: ["a|g|1", "b|g|2", "c|g|3", "d|h|1", "e|g|4", "f|g|6"],
            oursNewer: ["a|g|1", "b|g|5", "c|g|6", "d|h|1", "e|g|2", "f|g|4"], warnings: 1),
        MergeRule(
            name: "running numbers that differ stay", schema: numbered, ours: "INSERT INTO t VALUES ('b', 'g', 2)",
            theirs: "INSERT INTO t VALUES ('c', 'g', 3)", rows: ["a|g|1", "b|g|2", "c|g|3"]),
        MergeRule(
            name: "one automatic number on both sides: the older's rows move behind", schema: automatic,
            ours: "INSERT INTO t VALUES (2, 'ours'), (3, 'ours too')", theirs: "INSERT INTO t VALUES (2, 'theirs')",
            rows: ["1|base", "2|theirs", "3|ours too", "4|ours"],
            oursNewer: ["1|base", "2|ours", "3|ours too", "4|theirs"]),
        MergeRule(
            name: "a table of one row is not numbered anew", schema: "CREATE TABLE t (id integer PRIMARY KEY, data)",
            ours: "INSERT INTO t VALUES (1, 'ours')", theirs: "INSERT INTO t VALUES (1, 'theirs')",
            rows: ["1|theirs"], oursNewer: ["1|ours"], conflicts: 1),
        MergeRule(
            name: "events of one aggregate all stay, and its sequence is their last",
            schema: AgentSchema.v2 + AgentSchema.conversation,
            ours: """
                INSERT INTO event VALUES ('e3', 's', 3, 'x', 'o'), ('e4', 's', 4, 'x', 'o');
                UPDATE event_sequence SET seq = 4;
                """,
            theirs: "INSERT INTO event VALUES ('e5', 's', 3, 'x', 't'); UPDATE event_sequence SET seq = 3",
            query: "SELECT id, seq FROM event UNION ALL SELECT aggregate_id, seq FROM event_sequence ORDER BY 1",
            rows: ["e1|1", "e2|2", "e3|3", "e4|4", "e5|5", "s|5"],
            oursNewer: ["e1|1", "e2|2", "e3|4", "e4|5", "e5|3", "s|5"], conflicts: 1, warnings: 1),
        MergeRule(
            name: "events may share a number where the database allows it",
            schema: AgentSchema.v1 + AgentSchema.conversation,
            ours: "INSERT INTO event VALUES ('e3', 's', 3, 'x', 'o'); UPDATE event_sequence SET seq = 3",
            theirs: "INSERT INTO event VALUES ('e5', 's', 4, 'x', 't'); UPDATE event_sequence SET seq = 4",
            query: "SELECT id, seq FROM event UNION ALL SELECT aggregate_id, seq FROM event_sequence ORDER BY 1",
            rows: ["e1|1", "e2|2", "e3|3", "e5|4", "s|4"], conflicts: 1),
    ]

    static let uniqueness: [MergeRule] = [
        MergeRule(
            name: "one unique name on both sides", schema: unique, ours: "INSERT INTO t VALUES ('c', 'z')",
            theirs: "INSERT INTO t VALUES ('d', 'z')", rows: ["a|x", "b|y", "d|z"],
            oursNewer: ["a|x", "b|y", "c|z"], warnings: 1),
        MergeRule(
            name: "rows that exchange unique names", schema: unique,
            ours: "UPDATE t SET name = '-' WHERE id = 'a'; UPDATE t SET name = 'x' WHERE id = 'b'; "
                + "UPDATE t SET name = 'y' WHERE id = 'a'",
            theirs: "INSERT INTO t VALUES ('c', 'z')", rows: ["a|y", "b|x", "c|z"]),
        MergeRule(
            name: "a name of an expression", schema: plain + "CREATE UNIQUE INDEX i ON t (lower(data)) WHERE id > 'b'",
            ours: "INSERT INTO t VALUES ('c', 'N')", theirs: "INSERT INTO t VALUES ('d', 'n')",
            rows: ["a|base", "b|base", "d|n"], oursNewer: ["a|base", "b|base", "c|N"], warnings: 1),
        MergeRule(
            name: "what belongs to a row that gave way goes with it",
            schema: unique + "CREATE TABLE u (id text PRIMARY KEY, t REFERENCES t ON DELETE CASCADE)",
            ours: "INSERT INTO t VALUES ('c', 'z'); INSERT INTO u VALUES ('1', 'c')",
            theirs: "INSERT INTO t VALUES ('d', 'z'); INSERT INTO u VALUES ('2', 'd')",
            query: "SELECT id, name FROM t UNION ALL SELECT id, t FROM u ORDER BY 1",
            rows: ["2|d", "a|x", "b|y", "d|z"], oursNewer: ["1|c", "a|x", "b|y", "c|z"], warnings: 2),
    ]

    static let shapes: [MergeRule] = [
        MergeRule(
            name: "a table without a primary key, changed on one side", schema: keyless,
            ours: "DELETE FROM t WHERE data = 'a'", rows: ["b"]),
        MergeRule(
            name: "a table without a primary key, changed on both", schema: keyless,
            ours: "INSERT INTO t VALUES ('ours')", theirs: "INSERT INTO t VALUES ('theirs')",
            rows: ["a", "b", "theirs"], oursNewer: ["a", "b", "ours"], conflicts: 1, warnings: 1),
        MergeRule(
            name: "a key with NULL", schema: plain, ours: "INSERT INTO t VALUES (NULL, 'ours')",
            theirs: "INSERT INTO t VALUES (NULL, 'theirs')", rows: ["NULL|theirs", "a|base", "b|base"],
            oursNewer: ["NULL|ours", "a|base", "b|base"], conflicts: 1, warnings: 1),
        MergeRule(
            name: "a key of several columns, without rowid",
            schema: "CREATE TABLE t (x text, y integer, d, PRIMARY KEY (y, x)) WITHOUT ROWID;"
                + "INSERT INTO t VALUES ('a', 1, 'base'), ('a', 2, 'base'), ('b', 1, 'base')",
            ours: "UPDATE t SET d = 'ours' WHERE y = 2; DELETE FROM t WHERE x = 'b'",
            theirs: "INSERT INTO t VALUES ('c', 3, 'theirs')", rows: ["a|1|base", "a|2|ours", "c|3|theirs"]),
        MergeRule(
            name: "a table of keys alone", schema: "CREATE TABLE t (id text PRIMARY KEY); INSERT INTO t VALUES ('a')",
            ours: "INSERT INTO t VALUES ('b')", theirs: "DELETE FROM t", rows: ["b"]),
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
        MergeRule(
            name: "migrations applied at two times", schema: AgentSchema.v1,
            ours:
                "INSERT INTO __drizzle_migrations VALUES (2, 'h2', 1, 'second', 'ours'), (3, 'h3', 1, 'third', 'ours')",
            theirs: "INSERT INTO __drizzle_migrations VALUES (2, 'h3', 1, 'third', 'theirs'), "
                + "(4, 'h2', 1, 'second', 'theirs')",
            query: "SELECT id, hash, applied_at FROM __drizzle_migrations ORDER BY 1",
            rows: ["1|h1|then", "2|h3|theirs", "4|h2|theirs"], oursNewer: ["1|h1|then", "2|h2|ours", "3|h3|ours"]),
    ]
}
