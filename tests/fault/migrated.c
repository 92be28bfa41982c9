#include "fault/migrated.h"

#include <stdio.h>
#include <string.h>

#define COUNT_TO_40 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
#define OTHERS_THAN_OURS "WHERE name <> 'version_unique' AND name NOT LIKE 'schema_%' AND name NOT LIKE 'sqlite_%'"

void migrated_files(void)
{
    migration_file("1_plain.up.sql", "CREATE TABLE steps (version);\nCREATE TABLE a (id INTEGER PRIMARY KEY, x);\n"
                                     COUNT_TO_40 "INSERT INTO a (x) SELECT hex(randomblob(60)) FROM n;\n"
                                     "INSERT INTO steps VALUES (1);\n");
    migration_file("1_plain.down.sql", "DROP TABLE a; DROP TABLE steps;");
    migration_file("2_rebuilt.up.sql", "-- leaselock: foreign-keys=off\n"
                                       "CREATE TABLE new (id INTEGER PRIMARY KEY, x, y);\n"
                                       "INSERT INTO new SELECT id, x, id % 3 FROM a;\nDROP TABLE a;\n"
                                       "ALTER TABLE new RENAME TO a;\nCREATE INDEX a_y ON a (y);\n"
                                       "INSERT INTO steps VALUES (2);\n");
    migration_file("2_rebuilt.down.sql",
                   "DROP INDEX a_y; ALTER TABLE a DROP COLUMN y; DELETE FROM steps WHERE version = 2;");
    migration_file("3_set.up.sql", "PRAGMA recursive_triggers = ON;\nCREATE TABLE c AS SELECT x FROM a WHERE y = 1;\n"
                                   "INSERT INTO steps VALUES (3);\n");
    migration_file("3_set.down.sql", "DROP TABLE c; DELETE FROM steps WHERE version = 3;");
}

/* One column of one row, "" for none. */
static const char *text_of(sqlite3 *db, const char *sql, char text[160])
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    bool found = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0);
    snprintf(text, 160, "%s", found ? (const char *)sqlite3_column_text(statement, 0) : "");
    sqlite3_finalize(statement);
    return text;
}

static void expect(const char *expected, const char *found, const char *what, int64_t version, const char *when)
{
    if (strcmp(expected, found) != 0)
        fail_msg("%s: at version %lld %s: %s, and not: %s", when, (long long)version, what, found, expected);
}

int64_t migrated_version(const char *path, const char *when)
{
    static const char *const names[] = {"", "a steps", "a a_y steps", "a a_y c steps"};
    static const char *const steps[] = {"", "1 of 40", "1,2 of 40", "1,2,3 of 40"};
    char text[160];
    sqlite3 *db = raw_open(path);
    expect("ok", text_of(db, "PRAGMA integrity_check", text), "the database is", 0, when);
    int64_t version = 0;
    if (raw_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'")) {
        if (raw_number(db, "SELECT count(*) FROM schema_migrations WHERE dirty"))
            fail_msg("%s: dirty", when);
        version = raw_number(db, "SELECT coalesce(max(version), 0) FROM schema_migrations");
    }
    expect(names[version],
           text_of(db, "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master " OTHERS_THAN_OURS
                       " ORDER BY name)", text),
           "the schema is", version, when);
    if (version > 0)
        expect(steps[version],
               text_of(db, "SELECT group_concat(version) || ' of ' || (SELECT count(*) FROM a) FROM steps", text),
               "the rows are", version, when);
    sqlite3_close(db);
    return version;
}
