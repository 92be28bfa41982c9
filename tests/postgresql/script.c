/* PostgreSQL's scripts, without a server: where statements end, how a script is run, and what is refused. */
#include "engines/postgresql/script.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "postgresql/script_samples.h"
#include "util/random.h"

static leaselock_script script_of(const char *text)
{
    return (leaselock_script){.name = "x", .text = text, .size = strlen(text)};
}

/* ---- statements ---- */

enum { PARTS_MAX = 6 };

static const struct {
    const char *text;
    const char *parts[PARTS_MAX]; /* from their first token to their end */
} splits[] = {
    {"SELECT 1; SELECT 2", {"SELECT 1;", "SELECT 2"}},
    {"", {NULL}},
    {" ;; -- x;\n /* ; */ ;", {NULL}},
    {"SELECT 1;;\r\n; SELECT 2 -- x", {"SELECT 1;", "SELECT 2"}},
    {"SELECT ';', 'it''s;' ; SELECT \";\"\";\" ; x", {"SELECT ';', 'it''s;' ;", "SELECT \";\"\";\" ;", "x"}},
    {"SELECT 'a\\'; SELECT 'b'", {"SELECT 'a\\';", "SELECT 'b'"}},
    {"SELECT E'a\\'; b', e'''; c' ; x", {"SELECT E'a\\'; b', e'''; c' ;", "x"}},
    {"SELECT E'a''\\'; b'; x", {"SELECT E'a''\\'; b';", "x"}},
    {"SELECT E'a\\\\'; x", {"SELECT E'a\\\\';", "x"}},
    {"SELECT E'a' -- c\n'b\\'; c'; x", {"SELECT E'a' -- c\n'b\\'; c';", "x"}},
    {"SELECT E'a' 'b\\'; x", {"SELECT E'a' 'b\\';", "x"}},
    {"SELECT some'a\\'; x", {"SELECT some'a\\';", "x"}},
    {"SELECT U&'a\\'; SELECT U&\"a\\\"; SELECT N'\\'; SELECT B'\\'; SELECT x'\\';",
     {"SELECT U&'a\\';", "SELECT U&\"a\\\";", "SELECT N'\\';", "SELECT B'\\';", "SELECT x'\\';"}},
    {"SELECT U & 'a;' ; x", {"SELECT U & 'a;' ;", "x"}},
    {"SELECT $$;$$; SELECT $a$;$$;$b$;$a$; x", {"SELECT $$;$$;", "SELECT $a$;$$;$b$;$a$;", "x"}},
    {"SELECT $\xC3\xA4_1$;$a$;$\xC3\xA4_1$; x", {"SELECT $\xC3\xA4_1$;$a$;$\xC3\xA4_1$;", "x"}},
    {"SELECT a$$; b$$; x", {"SELECT a$$;", "b$$;", "x"}},
    {"SELECT \xC3\xA4$a$; b$a$; x", {"SELECT \xC3\xA4$a$;", "b$a$;", "x"}},
    {"SELECT $1$$;$$; SELECT 1$$;$$; SELECT 1e5$$;$$; SELECT $1a$; x",
     {"SELECT $1$$;$$;", "SELECT 1$$;$$;", "SELECT 1e5$$;$$;", "SELECT $1a$;", "x"}},
    {"SELECT $1e5$a$; SELECT $11$a$;$a$; x", {"SELECT $1e5$a$;", "SELECT $11$a$;$a$;", "x"}},
    {"SELECT $a b$; c$a b$; x", {"SELECT $a b$;", "c$a b$;", "x"}},
    {"SELECT 1 --\r; SELECT 2\n; x", {"SELECT 1 --\r;", "SELECT 2\n;", "x"}},
    {"SELECT 1 /* /* ; */ ; */ ; SELECT 4 /*/ ; */; x", {"SELECT 1 /* /* ; */ ; */ ;", "SELECT 4 /*/ ; */;", "x"}},
    {"SELECT 2 +/* ; */ 3; SELECT 2 *-- ;\n 3; x", {"SELECT 2 +/* ; */ 3;", "SELECT 2 *-- ;\n 3;", "x"}},
    {"SELECT '/*'; SELECT $$--$$; x */ ; y", {"SELECT '/*';", "SELECT $$--$$;", "x */ ;", "y"}},
    {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT (2);); x",
     {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT (2););", "x"}},
    {"SELECT 1); SELECT 2", {"SELECT 1);", "SELECT 2"}},
    {"\\i x.sql; SELECT 1", {"\\i x.sql;", "SELECT 1"}},
    {"SELECT 'open; -- x", {"SELECT 'open; -- x"}},
    {"SELECT $a$ open; $$", {"SELECT $a$ open; $$"}},
    {"/* open; SELECT 1", {NULL}},
};

/* Each is one statement. */
static const char *const routines[] = {
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;",
    "CREATE OR REPLACE PROCEDURE f() LANGUAGE sql begin /* ; */ atomic END;",
    "create or replace function f() RETURNS a BEGIN ATOMIC SELECT CASE WHEN a THEN CASE 1 WHEN 1 THEN 2 END END; END;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT (SELECT 1 END), (CASE 1 WHEN 1 THEN 2 END); SELECT 1; END;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT 2 AS case; SELECT t.end, t.case FROM t; END;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 end; SELECT 1 case; SELECT \"end\" FROM t; SELECT 2; END;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT ';', $$; END; $$; -- ; END;\n SELECT 2; END;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC (SELECT 1) UNION SELECT CASE WHEN true THEN atomic END FROM t; END;",
    "CREATE FUNCTION begin() RETURNS atomic LANGUAGE sql AS 'SELECT 1';",
    "CREATE FUNCTION f(begin int) RETURNS int LANGUAGE sql SET x TO begin BEGIN ATOMIC SELECT 1; END;",
    "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;",
    "CREATE FUNCTION f() RETURNS int AS $begin$ BEGIN ATOMIC $begin$ LANGUAGE sql;",
    "CREATE TABLE begin (atomic int);",
    "SELECT begin atomic FROM begin;",
};

static void assert_parts(const char *text, bool escapes, const char *const *parts)
{
    size_t at = 0, size = strlen(text), before = 0;
    print_message("%s\n", text);
    for (ll_pg_statement statement; ll_pg_statement_next(text, size, escapes, &at, &statement); parts++) {
        assert_non_null(*parts);
        assert_int_equal(statement.end - statement.first, strlen(*parts));
        assert_memory_equal(text + statement.first, *parts, strlen(*parts));
        assert_true(statement.begin >= before && statement.begin <= statement.first);
        assert_int_equal(at, statement.end);
        before = at;
    }
    assert_null(*parts);
    assert_int_equal(at, size);
}

TEST(statements_end_at_their_semicolon)
{
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        assert_parts(splits[i].text, false, splits[i].parts);
}

TEST(a_body_has_statements_of_its_own)
{
    const char *routine;
    FOR_EACH(routine, routines) {
        char text[512];
        snprintf(text, sizeof text, "%s SELECT 1", routine);
        assert_parts(text, false, (const char *const[]){routine, "SELECT 1", NULL});
    }
}

TEST(backslashes_escape_where_strings_do_not_conform)
{
    static const char text[] = "SELECT 'a\\'; b'; SELECT N'\\'; ', U&'\\', B'\\', \"\\\"; SELECT 'a'\n'\\'; '; x";
    assert_parts(text, true,
                 (const char *const[]){"SELECT 'a\\'; b';", "SELECT N'\\'; ', U&'\\', B'\\', \"\\\";",
                                       "SELECT 'a'\n'\\'; ';", "x", NULL});
}

/* A comment before a statement goes with it: it may be a hint. */
TEST(comments_go_with_what_follows)
{
    static const char text[] = "SELECT 1; /*+ hint */ SELECT 2;;-- end\n";
    size_t at = 0;
    ll_pg_statement statement;
    assert_true(ll_pg_statement_next(text, strlen(text), false, &at, &statement));
    assert_true(ll_pg_statement_next(text, strlen(text), false, &at, &statement));
    assert_int_equal(statement.begin, strlen("SELECT 1;"));
    assert_int_equal(statement.first, strlen("SELECT 1; /*+ hint */ "));
    assert_false(ll_pg_statement_next(text, strlen(text), false, &at, &statement));
}

/* ---- how a script is run ---- */

typedef enum way { INSIDE, OUTSIDE, EMPTY } way;

static const struct {
    const char *text;
    way way;
    const char *part; /* what is run; NULL: all of it */
} ways[] = {
    {"", EMPTY, NULL},
    {";; -- x", EMPTY, NULL},
    {"\r\n/* nothing /* yet */ */\r\n", EMPTY, NULL},
    {"BEGIN; CREATE TABLE a (x int); COMMIT;", INSIDE, " CREATE TABLE a (x int); "},
    {"/* */;begin work; SELECT 1; -- x\nend -- y\n;;", INSIDE, " SELECT 1; -- x\n"},
    {"START TRANSACTION READ ONLY;\r\nSELECT 1;\r\nCOMMIT TRANSACTION", INSIDE, "\r\nSELECT 1;\r\n"},
    {"BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT AND NO CHAIN", INSIDE, " SAVEPOINT a; ROLLBACK TO a; "},
    {"BEGIN; COMMIT", EMPTY, " "},
    {"BEGIN; SELECT 1; COMMIT AND CHAIN", OUTSIDE, NULL},
    {"BEGIN; SELECT 1; COMMIT; SELECT 2", OUTSIDE, NULL},
    {"SELECT 1; BEGIN; SELECT 2; COMMIT", OUTSIDE, NULL},
    {"BEGIN; SELECT 1; ROLLBACK", OUTSIDE, NULL},
    {"BEGIN; SELECT 1", OUTSIDE, NULL},
    {"SELECT 1; COMMIT", OUTSIDE, NULL},
    {"COMMIT; BEGIN", OUTSIDE, NULL},
    {"BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT", OUTSIDE, NULL},
    {"BEGIN; SELECT 1; PREPARE TRANSACTION 'x'; COMMIT", OUTSIDE, NULL},
    {"BEGIN; VACUUM; COMMIT", OUTSIDE, NULL},
    {"BEGIN NONSENSE; SELECT 1; COMMIT", OUTSIDE, NULL},
    {"BEGIN READ ONLY,; SELECT 1; COMMIT", OUTSIDE, NULL},
    {"BEGIN; SELECT 1; COMMIT 'x'", OUTSIDE, NULL},
    {"\"BEGIN\"; SELECT 1; COMMIT", OUTSIDE, NULL},
    {"-- leaselock: no-transaction\nSELECT 1", OUTSIDE, NULL},
    {"-- x\r--LeaseLock:no-transaction \r\nBEGIN; SELECT 1; COMMIT", OUTSIDE, NULL},
    {"SELECT 1; -- leaselock: no-transaction\n", INSIDE, NULL},
    {"/* -- leaselock: no-transaction\n */ SELECT 1", INSIDE, NULL},
    {"ALTER SUBSCRIPTION s SET (failover = true)", OUTSIDE, NULL}, /* since 17 */
    {"ALTER SUBSCRIPTION s SET (streaming = off, two_phase = false)", OUTSIDE, NULL},
    {"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION n WITH (create_slot = off, slot_name = x)", INSIDE, NULL},
    {"SELECT 'x\\'; BEGIN; SELECT '; COMMIT'", OUTSIDE, NULL},
};

static void assert_way(const char *text, way expected, const char *part)
{
    leaselock_script script = script_of(text);
    script.outside = script.empty = script.wrapped = script.check_foreign_keys = true;
    print_message("%s\n", text);
    assert_ok(ll_pg_script_examine(&script, false));
    assert_int_equal(script.empty, expected == EMPTY);
    assert_int_equal(script.outside, expected == OUTSIDE);
    assert_false(script.wrapped || script.check_foreign_keys);
    part = part ? part : text;
    assert_int_equal(script.end - script.begin, strlen(part));
    assert_memory_equal(text + script.begin, part, strlen(part));
}

TEST(how_a_script_is_run)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        assert_way(ways[i].text, ways[i].way, ways[i].part);
}

TEST(what_cannot_run_in_a_transaction)
{
    const char *text;
    FOR_EACH(text, samples_outside)
        assert_way(text, OUTSIDE, NULL);
    FOR_EACH(text, samples_control)
        assert_way(text, OUTSIDE, NULL);
    FOR_EACH(text, samples_inside)
        assert_way(text, INSIDE, NULL);
}

/* Nothing that is said in a string, a name, a comment or a body counts. */
TEST(words_elsewhere_count_for_nothing)
{
    static const char *const hiding[] = {"SELECT '%s;'", "SELECT $x$; %s; $x$", "SELECT 1 AS \"; %s;\"",
                                         "SELECT 1 /* ; %s; */", "SELECT 1 AS a, (2) %s"};
    const char *text, *hidden;
    FOR_EACH(hidden, hiding) {
        static const char *const statements[] = {"VACUUM", "COMMIT", "DROP INDEX CONCURRENTLY i", "COPY t FROM STDIN"};
        FOR_EACH(text, statements) {
            char whole[128];
            snprintf(whole, sizeof whole, hidden, text);
            assert_way(whole, INSIDE, NULL);
        }
    }
}

static const struct {
    const char *text, *isolation, *access, *deferrable;
} modes[] = {
    {"BEGIN; SELECT 1; COMMIT", NULL, NULL, NULL},
    {"SELECT 1", NULL, NULL, NULL},
    {"START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE; SELECT 1; END",
     "ISOLATION LEVEL SERIALIZABLE", "READ ONLY", "DEFERRABLE"},
    {";-- x\nbegin work isolation level /* */ repeatable read read write not deferrable; SELECT 1; END",
     "ISOLATION LEVEL REPEATABLE READ", "READ WRITE", "NOT DEFERRABLE"},
    {"BEGIN ISOLATION LEVEL READ COMMITTED; COMMIT", "ISOLATION LEVEL READ COMMITTED", NULL, NULL},
    {"BEGIN ISOLATION LEVEL READ UNCOMMITTED; COMMIT", "ISOLATION LEVEL READ UNCOMMITTED", NULL, NULL},
    {"BEGIN DEFERRABLE, NOT DEFERRABLE; COMMIT", NULL, NULL, "NOT DEFERRABLE"},
    {"BEGIN READ ONLY; VACUUM; COMMIT", NULL, NULL, NULL},
};

static void assert_mode(const char *expected, const char *mode)
{
    assert_string_equal(mode ? mode : "none", expected ? expected : "none");
}

TEST(the_dropped_begin_keeps_its_modes)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        leaselock_script script = script_of(modes[i].text);
        print_message("%s\n", script.text);
        assert_ok(ll_pg_script_examine(&script, false));
        ll_pg_modes found = ll_pg_script_modes(&script);
        assert_mode(modes[i].isolation, found.isolation);
        assert_mode(modes[i].access, found.access);
        assert_mode(modes[i].deferrable, found.deferrable);
    }
}

TEST(one_statement_is_single)
{
    static const char *const single[] = {"CALL p()", ";; DO $$ BEGIN COMMIT; END $$; -- x",
                                         "CREATE RULE r AS ON x DO (a; b)"};
    static const char *const others[] = {"", "-- x", "SELECT 1; SELECT 2", "BEGIN; CALL p(); COMMIT"};
    const char *text;
    FOR_EACH(text, single)
        assert_true(ll_pg_script_is_single(&(leaselock_script){.text = text, .size = strlen(text)}, false));
    FOR_EACH(text, others) {
        leaselock_script script = script_of(text);
        assert_ok(ll_pg_script_examine(&script, false));
        assert_false(ll_pg_script_is_single(&script, false));
    }
    leaselock_script escaped = script_of("SELECT '\\'; '");
    assert_true(ll_pg_script_is_single(&escaped, true));
}

/* ---- what is refused ---- */

static const struct {
    const char *text, *message; /* a part of it */
    size_t failed_at;
} refusals[] = {
    {"\xEF\xBB\xBFSELECT 1", "x:1:1: a byte order mark", 1},
    {"-- leaselock: foreign-keys=off\nSELECT 1", "x:1:15: there is no directive \"foreign-keys=off\"", 15},
    {"-- x\n--  leaselock: \n", "x:2:16: there is no directive \"\"", 21},
    {"SELECT 1;\n  COPY t (x) FROM STDIN;\n1\n\\.\n", "x:2:3: COPY", 13},
    {"copy t from stdin with (format csv)", "x:1:1: COPY", 1},
    {"COPY (SELECT 1) TO STDOUT", "x:1:1: COPY", 1},
    {"COPY BINARY \"t\" FROM STDIN", "x:1:1: COPY", 1},
};

TEST(what_is_refused)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        leaselock_script script = script_of(refusals[i].text);
        print_message("%s\n", script.text);
        assert_refused(LEASELOCK_BAD_MIGRATION, ll_pg_script_examine(&script, false));
        assert_non_null(strstr(leaselock_error_last()->message, refusals[i].message));
        assert_int_equal(script.failed_at, refusals[i].failed_at);
    }
    assert_way("COPY t FROM '/tmp/x'", INSIDE, NULL);
    assert_way("COPY (SELECT 1 FROM stdin TO stdin) TO PROGRAM 'x'; SELECT 1 FROM stdin", INSIDE, NULL);
}

/* ---- positions ---- */

TEST(the_servers_characters_are_bytes_here)
{
    static const char text[] = "a\xC3\xA4\xE2\x94\x80\xF0\x9F\x90\x98\r\nb";
    static const size_t offsets[] = {0, 1, 3, 6, 10, 11, 12, 13, 13};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        assert_int_equal(ll_pg_offset_of(text, strlen(text), i + 1), offsets[i]);
    assert_int_equal(ll_pg_offset_of(text, strlen(text), 0), 0);
    assert_int_equal(ll_pg_offset_of("", 0, 1), 0);
}

/* ---- anything ---- */

TEST(any_bytes)
{
    static const char alphabet[] = "'\"$$;;-/*\n\\ BEGINATOMICEN()EU&x1.=\xC3";
    for (int round = 0; round < 20000; round++) {
        char text[48];
        size_t size = (size_t)ll_random_between(0, sizeof text - 1), at = 0, before = 0;
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[ll_random_between(0, sizeof alphabet - 2)];
        text[size] = '\0';
        for (ll_pg_statement statement; ll_pg_statement_next(text, size, round % 2, &at, &statement); before = at) {
            assert_true(statement.begin >= before && statement.begin <= statement.first);
            assert_true(statement.first < statement.end && statement.end == at && at <= size);
        }
        assert_int_equal(at, size);
        leaselock_script script = {.name = "x", .text = text, .size = size};
        (void)ll_pg_script_examine(&script, round % 2);
    }
}

/* The processor's time for a script of this size. */
static double cost_of(const char *piece, size_t size)
{
    char *text = test_malloc(size + 1);
    for (size_t at = 0; at < size; at++)
        text[at] = piece[at % strlen(piece)];
    text[size] = '\0';
    leaselock_script script = {.name = "x", .text = text, .size = size};
    clock_t before = clock();
    (void)ll_pg_script_examine(&script, false);
    clock_t taken = clock() - before;
    test_free(text);
    return (double)taken / CLOCKS_PER_SEC;
}

/* Sixteen times as long takes about sixteen times as long, not 256 times. */
TEST(nothing_is_read_again_and_again)
{
    static const char *const pieces[] = {
        "SELECT 1;", "/*", "(", "REINDEX (a);", "E'a'\n", "$a", "CREATE FUNCTION BEGIN ATOMIC CASE;",
        "ALTER SUBSCRIPTION s SET (a", "CLUSTER (", "a.", "COPY t FROM (", "CREATE INDEX "};
    enum { SIZE = 32 << 10 };
    const char *piece;
    FOR_EACH(piece, pieces) {
        double once = cost_of(piece, SIZE), long_one = cost_of(piece, (size_t)16 * SIZE);
        print_message("%s: %.1f and %.1f ms\n", piece, once * 1e3, long_one * 1e3);
        assert_true(long_one < 100 * (once > 1e-3 ? once : 1e-3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_their_semicolon),
        cmocka_unit_test(a_body_has_statements_of_its_own),
        cmocka_unit_test(backslashes_escape_where_strings_do_not_conform),
        cmocka_unit_test(comments_go_with_what_follows),
        cmocka_unit_test(how_a_script_is_run),
        cmocka_unit_test(what_cannot_run_in_a_transaction),
        cmocka_unit_test(words_elsewhere_count_for_nothing),
        cmocka_unit_test(the_dropped_begin_keeps_its_modes),
        cmocka_unit_test(one_statement_is_single),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(the_servers_characters_are_bytes_here),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(nothing_is_read_again_and_again),
    };
    return cmocka_run_group_tests_name("postgresql_script", tests, NULL, NULL);
}
