/* Where statements end, as SQLite's own parser has it; and how a script is run. */
#include "engines/sqlite/script.h"

#include <stdlib.h>
#include <string.h>

#include "sqlite/database.h"
#include "util/random.h"

/* Statements by our reader, and by sqlite3_prepare_v2's tail, which needs every table to be there. */
static const char *const texts[] = {
    "SELECT 1; SELECT 2",
    "SELECT ';' AS \";\"; SELECT 1 AS `;`; SELECT 1 AS [;]; -- ;\nSELECT 'a''b;'; /* ; */ SELECT 3;",
    ";;; SELECT 1;;",
    "\xEF\xBB\xBFSELECT 1; \xEF\xBB\xBF SELECT 2",
    "SELECT 1 --\r; SELECT 3\n; SELECT 2",
    "SELECT 1; \vSELECT \v\v 2;\n\v",
    "SELECT x'00', 1e5, $a, @b, :c, ?1; SELECT 1.5/2-3--4\n;SELECT 2",
    "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END; SELECT 1;",
    "CREATE TRIGGER IF NOT EXISTS r2 AFTER INSERT ON t BEGIN SELECT 1; END ; SELECT 1",
    "CREATE /* x */ TEMPORARY -- y\n TRIGGER r3 AFTER INSERT ON t BEGIN SELECT ';'; /* ; */ END; SELECT 1",
    "EXPLAIN SELECT 1; EXPLAIN QUERY PLAN SELECT 1; SELECT 2",
    "EXPLAIN CREATE TRIGGER r4 AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 1",
    "CREATE TABLE trigger_log (\"END\" INT); SELECT 1",
    "/* open",
    "-- open",
};

static void assert_same_ends(sqlite3 *db, const char *text)
{
    size_t size = strlen(text), ours = 0, theirs = 0;
    ll_statement statement;
    print_message("%s\n", text);
    while (ll_statement_next(text, size, &ours, &statement)) {
        sqlite3_stmt *prepared = NULL;
        const char *tail = NULL;
        while (!prepared) {
            assert_true(theirs < size);
            assert_int_equal(sqlite3_prepare_v2(db, text + theirs, -1, &prepared, &tail), SQLITE_OK);
            theirs = (size_t)(tail - text);
        }
        sqlite3_finalize(prepared);
        assert_int_equal(statement.end, theirs);
    }
    assert_int_equal(ll_statement_start(text, size, theirs), size);
}

TEST(statements_end_where_sqlite_ends_them)
{
    sqlite3 *db = raw_open(":memory:");
    raw_run(db, "CREATE TABLE t (x)");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_same_ends(db, texts[i]);
    sqlite3_close(db);
}

typedef enum way { INSIDE, OUTSIDE, WRAPPED, EMPTY } way;

static const struct {
    const char *text;
    bool unwrapped;
    way way;
    const char *part; /* what is run; NULL: all of it */
} ways[] = {
    {"CREATE TABLE a (x)", false, INSIDE, NULL},
    {"", false, EMPTY, NULL},
    {";; -- x", false, EMPTY, NULL},
    {"BEGIN; CREATE TABLE a (x); COMMIT;", false, INSIDE, " CREATE TABLE a (x); "},
    {"BEGIN; CREATE TABLE a (x); COMMIT;", true, INSIDE, " CREATE TABLE a (x); "},
    {"/* */ begin exclusive transaction; SELECT 1; end -- x\n;", false, INSIDE, " SELECT 1; "},
    {"BEGIN; SELECT 1; COMMIT; SELECT 2", false, OUTSIDE, NULL},
    {"SELECT 1; BEGIN; SELECT 2; COMMIT", false, OUTSIDE, NULL},
    {"BEGIN; SELECT 1; ROLLBACK", false, OUTSIDE, NULL},
    {"BEGIN; SELECT 1", false, OUTSIDE, NULL},
    {"BEGIN; VACUUM; COMMIT", false, OUTSIDE, NULL},
    {"BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT", false, OUTSIDE, NULL},
    {"COMMIT; BEGIN", false, WRAPPED, NULL},
    {"COMMIT; BEGIN", true, OUTSIDE, NULL},
    {"SELECT 1; END; VACUUM; BEGIN", false, WRAPPED, NULL},
    {"ROLLBACK; BEGIN", false, WRAPPED, NULL},
    {"SAVEPOINT a; ROLLBACK TO a; RELEASE a", false, INSIDE, NULL},
    {"ROLLBACK TRANSACTION TO a", false, INSIDE, NULL},
    {"ROLLBACK TRANSACTION b TO a", false, INSIDE, NULL},
    {"ROLLBACK TRANSACTION \"TO\"", false, WRAPPED, NULL},
    {"SELECT 1; \v\vCOMMIT", false, WRAPPED, NULL},
    {"SELECT 1; --\n\vCOMMIT", false, WRAPPED, NULL},
    {"vacuum into 'x'", false, OUTSIDE, NULL},
    {"PRAGMA journal_mode", false, INSIDE, NULL},
    {"PRAGMA journal_mode=wal", false, OUTSIDE, NULL},
    {"PRAGMA temp . \"journal_mode\" (wal)", false, OUTSIDE, NULL},
    {"PRAGMA synchronous = 0", false, OUTSIDE, NULL},
    {"PRAGMA wal_checkpoint", false, OUTSIDE, NULL},
    {"PRAGMA foreign_keys = OFF", false, INSIDE, NULL},
    {"PRAGMA foreign_keys = OFF", true, OUTSIDE, NULL},
    {"PRAGMA foreign_keys", true, INSIDE, NULL},
    {"PRAGMA user_version = 1", false, INSIDE, NULL},
    {"ATTACH 'x' AS y", false, INSIDE, NULL},
    {"DETACH y", false, OUTSIDE, NULL},
    {"-- leaselock: no-transaction\nSELECT 1", false, OUTSIDE, NULL},
    {"-- leaselock: no-transaction\nBEGIN; SELECT 1; COMMIT", false, OUTSIDE, NULL},
    {"SELECT 'BEGIN'; -- COMMIT;\nSELECT [COMMIT] FROM (SELECT 1 AS [COMMIT])", false, INSIDE, NULL},
    {"CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END; SELECT 1", false, INSIDE, NULL},
};

TEST(how_a_script_is_run)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        leaselock_script script = {.name = "x", .text = ways[i].text, .size = strlen(ways[i].text)};
        print_message("%s\n", script.text);
        assert_ok(ll_script_examine(&script, ways[i].unwrapped));
        assert_int_equal(script.empty, ways[i].way == EMPTY);
        assert_int_equal(script.outside, ways[i].way == OUTSIDE || ways[i].way == WRAPPED);
        assert_int_equal(script.wrapped, ways[i].way == WRAPPED);
        const char *part = ways[i].part ? ways[i].part : script.text;
        assert_int_equal(script.end - script.begin, strlen(part));
        assert_memory_equal(script.text + script.begin, part, strlen(part));
    }
}

/* Bytes as they come: the reader ends, within the text, and always moves on. */
TEST(any_bytes)
{
    static const char alphabet[] = "'\"`[];-/*\n BEGINCOMMITRTAE\xEF\xBB\xBF$x.=()";
    for (int round = 0; round < 20000; round++) {
        char text[48];
        size_t size = (size_t)ll_random_between(0, sizeof text - 1), at = 0, before = 0;
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[ll_random_between(0, sizeof alphabet - 2)];
        text[size] = '\0';
        for (ll_statement statement; ll_statement_next(text, size, &at, &statement); before = at) {
            assert_true(at > before && at <= size && statement.begin >= before && statement.begin < statement.end);
            assert_true(statement.count >= 1);
        }
        assert_int_equal(at, size);
        leaselock_script script = {.name = "x", .text = text, .size = size};
        (void)ll_script_examine(&script, round % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_where_sqlite_ends_them),
        cmocka_unit_test(how_a_script_is_run),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
