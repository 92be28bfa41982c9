/* What script.c says of statements, as the server has it: which run in a transaction, and where each of them ends. */
#include "engines/postgresql/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgresql/database.h"
#include "postgresql/script_samples.h"
#include "util/random.h"

static PGconn *db;

static int connect_and_set_up(void **state)
{
    (void)state;
    const char *text;
    db = session();
    FOR_EACH(text, samples_setup)
        sql(db, "%s", text);
    return 0;
}

static int disconnect(void **state)
{
    (void)state;
    /* a database that has one cannot be dropped */
    sql(db, "ALTER SUBSCRIPTION s DISABLE");
    sql(db, "ALTER SUBSCRIPTION s SET (slot_name = NONE)");
    sql(db, "DROP SUBSCRIPTION s");
    PQfinish(db);
    return 0;
}

/* ---- transactions ---- */

TEST(what_the_server_refuses_in_a_transaction)
{
    const char *text;
    FOR_EACH(text, samples_outside) {
        print_message("%s\n", text);
        sql(db, "BEGIN");
        assert_string_equal(sqlstate(db, "%s", text), "25001");
        sql(db, "ROLLBACK");
    }
}

static void count_notice(void *payload, const PGresult *result)
{
    int *count = payload;
    *count += strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "25001") == 0;
}

TEST(what_ends_a_transaction_or_is_one_too_many)
{
    const char *text;
    sql(db, "SET client_min_messages = warning");
    FOR_EACH(text, samples_control) {
        int warnings = 0;
        print_message("%s\n", text);
        sql(db, "BEGIN");
        sql(db, "SAVEPOINT mark");
        PQnoticeReceiver before = PQsetNoticeReceiver(db, count_notice, &warnings);
        const char *state = sqlstate(db, "%s", text);
        /* a server that was given may be set up without prepared transactions */
        assert_true(strcmp(state, "00000") == 0 || strcmp(state, "55000") == 0);
        PQsetNoticeReceiver(db, before, NULL);
        assert_true(warnings == 1 || strcmp(sqlstate(db, "RELEASE mark"), "00000") != 0);
        PQclear(PQexec(db, "ROLLBACK"));
    }
    PQclear(PQexec(db, "ROLLBACK PREPARED 'x'"));
    sql(db, "SET client_min_messages = error");
}

TEST(what_the_server_runs_in_a_transaction)
{
    const char *text;
    FOR_EACH(text, samples_inside) {
        print_message("%s\n", text);
        sql(db, "BEGIN");
        sql(db, "%s", text);
        assert_int_equal(PQtransactionStatus(db), PQTRANS_INTRANS);
        sql(db, "ROLLBACK");
    }
}

/* ---- statements ---- */

enum { RESULTS_MAX = 64, TAG_SIZE = 32, TEXT_MAX = 8192 };

typedef struct answers {
    int count;
    bool failed;
    char tags[RESULTS_MAX][TAG_SIZE]; /* what each statement was */
} answers;

static void ask(const char *text, answers *out)
{
    assert_true(PQsendQuery(db, text));
    for (PGresult *result; (result = PQgetResult(db)) != NULL; PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        out->failed |= status == PGRES_FATAL_ERROR;
        if (status == PGRES_EMPTY_QUERY || status == PGRES_FATAL_ERROR)
            continue;
        assert_true(out->count < RESULTS_MAX);
        snprintf(out->tags[out->count++], TAG_SIZE, "%s", PQcmdStatus(result));
    }
}

/* The statements one by one are those that the server made of the whole; a text that it refused says nothing. */
static bool assert_same_statements(const char *text, bool escapes)
{
    static answers whole, parts;
    memset(&whole, 0, sizeof whole);
    memset(&parts, 0, sizeof parts);
    ask(text, &whole);
    if (whole.failed)
        return false;
    size_t at = 0, size = strlen(text);
    for (ll_pg_statement statement; ll_pg_statement_next(text, size, escapes, &at, &statement);) {
        char part[TEXT_MAX];
        int count = parts.count;
        snprintf(part, sizeof part, "%.*s", (int)(statement.end - statement.begin), text + statement.begin);
        ask(part, &parts);
        if (parts.failed || parts.count != count + 1)
            fail_msg("%s\n-- not one statement: %s", text, part);
    }
    if (parts.count != whole.count || memcmp(parts.tags, whole.tags, sizeof whole.tags) != 0)
        fail_msg("%s\n-- %d statements, the server has %d", text, parts.count, whole.count);
    return true;
}

/* Up to `most` of the pieces, in any order. */
static void shuffle(char *text, const char *const *pieces, size_t count, int most)
{
    text[0] = '\0';
    for (int i = (int)ll_random_between(1, most); i > 0; i--) {
        const char *piece = pieces[ll_random_between(0, (int64_t)count - 1)];
        if (strlen(text) + strlen(piece) < TEXT_MAX)
            strcat(text, piece);
    }
}

static const char *const whole_statements[] = {
    "SELECT 1;",
    "SELECT 'a;', 'it''s', ';'\n';' ;\r\n",
    "SELECT $$;'$$, $a$;$$;$b$;$a$ AS \";\"\";\";",
    "SELECT E'a\\'; b', E'\\\\', E'a'\n'\\';' ; ",
    "SELECT E'a' -- c;'\n '\\'; b';",
    "VALUES (1), (2) -- ; '\n;",
    "/* ; /* nested; ' */ ; */ TABLE pg_class LIMIT 1e0;",
    "SELECT 1 AS a$$, 2 AS b$$;",
    "SELECT 2 +/* ; */ 3, 2 *-- ;\n 3, 8 / 2;",
    "SELECT - 1 --\r;",
    "SELECT B'01', x'1F', N'a;' ;",
    ";",
    " \n-- ;\n",
    "/*;*/",
    "SELECT 1 END;",
    "SELECT CASE 1 WHEN 1 THEN 2 END;",
    "DO $do$ BEGIN PERFORM 1; END $do$;",
    "CREATE OR REPLACE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT (2);); ",
    "CREATE OR REPLACE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END;",
    "CREATE OR REPLACE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT 1 case; "
    "SELECT (SELECT 2 END) END; END;",
    "CREATE OR REPLACE PROCEDURE h() LANGUAGE sql begin atomic end;",
    "CREATE OR REPLACE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1;';",
    "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE sql RETURN CASE 1 WHEN 1 THEN 2 END;",
    "SET LOCAL work_mem = '4MB';",
};

static const char *const broken_pieces[] = {
    "SELECT ", "1 ", "'a' ", "; ", "-- ';\n", "/* '; */", "$$;'$$ ", "$a$;$$ $a$", "E'\\';' ", "\"x;\" ", ", ",
    "\n", "E'a'", "'\n'", "'", "\\", "E'", "$$", "(", ")", "x ", "1e5", "--", "/*", "*/", "U&'a'", "N'\\'",
    "end ", "case ", "AS ", "+", "$a$", "U&\"x\" ", "a$$ ", "''", "\r",
};

static void compare_shuffled(bool escapes, unsigned rounds)
{
    char text[TEXT_MAX];
    unsigned taken = 0;
    for (unsigned round = 0; round < rounds; round++) {
        size_t count = sizeof whole_statements / sizeof *whole_statements;
        shuffle(text, whole_statements, count, 12);
        if (!escapes) /* not all of them are whole with escapes */
            assert_true(assert_same_statements(text, false));
        strcpy(text, "SELECT ");
        shuffle(text + strlen(text), broken_pieces, sizeof broken_pieces / sizeof *broken_pieces, 8);
        taken += assert_same_statements(text, escapes);
    }
    print_message("%u of %u random texts were statements\n", taken, rounds);
    assert_true(taken > rounds / 100);
}

TEST(statements_end_where_the_server_ends_them)
{
    compare_shuffled(false, 500);
}

TEST(the_same_where_strings_do_not_conform)
{
    sql(db, "SET standard_conforming_strings = off");
    sql(db, "SET escape_string_warning = off");
    static const char text[] = "SELECT 'a\\'; b', N'\\';'; SELECT '\\\\'; SELECT 'a'\n'\\';', B'1', E'\\';'";
    assert_true(assert_same_statements(text, true));
    compare_shuffled(true, 500);
    sql(db, "RESET ALL");
}

/* ---- positions ---- */

TEST(an_error_is_where_the_server_says)
{
    static const char text[] = "SELECT '\xC3\xA4\xE2\x94\x80\xF0\x9F\x90\x98';\r\nSELECT nonsense";
    PGresult *result = PQexec(db, text);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    assert_non_null(position);
    size_t offset = ll_pg_offset_of(text, strlen(text), strtoul(position, NULL, 10));
    assert_string_equal(text + offset, "nonsense");
    PQclear(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_server_refuses_in_a_transaction),
        cmocka_unit_test(what_ends_a_transaction_or_is_one_too_many),
        cmocka_unit_test(what_the_server_runs_in_a_transaction),
        cmocka_unit_test(statements_end_where_the_server_ends_them),
        cmocka_unit_test(the_same_where_strings_do_not_conform),
        cmocka_unit_test(an_error_is_where_the_server_says),
    };
    return cmocka_run_group_tests_name("postgresql_script_server", tests, connect_and_set_up, disconnect);
}
