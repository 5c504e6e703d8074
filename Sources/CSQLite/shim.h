#include <sqlite3.h>

// Functions that Swift cannot call: those with variable arguments, and macros that cast.

/// Keeps the closing of the last connection from bringing the log into the database: a reader must not change it.
static inline int csqlite_no_checkpoint_on_close(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/// Nothing that a database brings along is run, and its schema is out of reach of ordinary statements.
static inline int csqlite_distrust(sqlite3 *database) {
    int result = sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)0);
    if (result == SQLITE_OK) result = sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)0);
    if (result == SQLITE_OK) result = sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (result == SQLITE_OK) result = sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (result == SQLITE_OK) result = sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 0, (int *)0);
    return result;
}

static inline int csqlite_compare_bytes(void *unused, int n, const void *a, int m, const void *b) {
    int order = __builtin_memcmp(a, b, (unsigned long)(n < m ? n : m));
    (void)unused;
    return order != 0 ? order : n - m;
}

static inline void csqlite_add_collation(void *unused, sqlite3 *database, int encoding, const char *name) {
    (void)unused;
    sqlite3_create_collation_v2(database, name, encoding, (void *)0, csqlite_compare_bytes, (void (*)(void *))0);
}

/// Collations that only the agent has compare bytes.
static inline void csqlite_accept_collations(sqlite3 *database) {
    sqlite3_collation_needed(database, (void *)0, csqlite_add_collation);
}

static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const void *bytes, int length) {
    return sqlite3_bind_text(statement, index, (const char *)bytes, length, SQLITE_TRANSIENT);
}

static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int length) {
    return length == 0 ? sqlite3_bind_zeroblob(statement, index, 0)
                       : sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}
