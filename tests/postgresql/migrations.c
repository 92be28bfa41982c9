#include "postgresql/migrations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrate/anywhere.h"

enum { LIST_MAX = 16 };

PGconn *here;
const leaselock_migrations_options at_once = {.struct_size = sizeof at_once, .wait_ms = 1};
const leaselock_migrations_options patiently = {.struct_size = sizeof patiently, .wait_ms = PATIENCE_MS};

static char database[32];
static struct {
    char *name, *body;
} list[LIST_MAX];

const char *own_database(void)
{
    return database;
}

/* The server's URL with another role (NULL: its own), the test's database and these options. */
static const char *url_with(const char *role, const char *options)
{
    static char urls[4][600];
    static unsigned next;
    char *url = urls[next++ % 4];
    const char *from = server(""), *host = strchr(from, '@') + 1, *path = strrchr(from, '/');
    snprintf(url, sizeof urls[0], "postgresql://%s@%.*s/%s%s", role ? role : "postgres", (int)(path - host), host,
             database, options);
    return url;
}

const char *own_url(const char *options)
{
    return url_with(NULL, options);
}

const char *own_url_as(const char *role, const char *options)
{
    return url_with(role, options);
}

PGconn *own_session(void)
{
    PGconn *new = PQconnectdb(own_url(""));
    if (PQstatus(new) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(new));
    PQclear(PQexec(new, "SET client_min_messages = error; SET application_name = 'test'"));
    return new;
}

int migrations_setup(void **state)
{
    static unsigned number_of_test;
    (void)state;
    snprintf(database, sizeof database, "m%d_%u", (int)getpid(), number_of_test++);
    PGconn *first = session();
    sql(first, "CREATE DATABASE %s", database);
    PQfinish(first);
    here = own_session();
    return 0;
}

int migrations_teardown(void **state)
{
    (void)state;
    no_migrations();
    PQfinish(here);
    here = NULL;
    PGconn *last = session();
    sql(last, "DROP DATABASE %s WITH (FORCE)", database);
    PQfinish(last);
    return 0;
}

const char *rows(const char *format, ...)
{
    static char answers[4][4096];
    static unsigned next;
    char *answer = answers[next++ % 4], text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    PGresult *result = PQexec(here, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(here));
    size_t used = 0;
    answer[0] = '\0';
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            used += (size_t)snprintf(answer + used, sizeof answers[0] - used, "%s%s",
                                     column ? "|"
                                     : row  ? ";"
                                            : "",
                                     PQgetvalue(result, row, column));
    assert_true(used < sizeof answers[0]);
    PQclear(result);
    return answer;
}

void no_migrations(void)
{
    for (size_t i = 0; i < LIST_MAX; i++) {
        free(list[i].name);
        free(list[i].body);
        list[i].name = list[i].body = NULL;
    }
}

void migration(const char *name, const char *body)
{
    size_t i = 0;
    while (i < LIST_MAX && list[i].name && strcmp(list[i].name, name) != 0)
        i++;
    assert_true(i < LIST_MAX);
    free(list[i].name);
    free(list[i].body);
    list[i].name = strdup(name);
    list[i].body = strdup(body);
}

leaselock_status try_open(const char *url, const leaselock_migrations_options *options, leaselock_migrations **out)
{
    leaselock_migration_source *source;
    assert_ok(leaselock_migration_source_new(&source));
    for (size_t i = 0; i < LIST_MAX && list[i].name; i++)
        assert_ok(leaselock_migration_source_add(source, list[i].name, list[i].body, strlen(list[i].body)));
    leaselock_status status = leaselock_migrations_open_source(url, source, options, out);
    leaselock_migration_source_free(source);
    return status;
}

leaselock_migrations *open_list_at(const char *url, const leaselock_migrations_options *options)
{
    leaselock_migrations *migrations = NULL;
    assert_ok(try_open(url, options, &migrations));
    return migrations;
}

leaselock_migrations *open_list(const char *options)
{
    return open_list_at(own_url(options), &patiently);
}

void assert_up_fails(leaselock_migrations *migrations, leaselock_status status, const char *message)
{
    assert_refused(status, leaselock_migrations_up(migrations, NULL));
    assert_message(message);
}

void assert_nothing_left(void)
{
    assert_eventually(number(here, "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
                                   " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
                                   " AND l.pid <> pg_backend_pid()") == 0);
    assert_eventually(number(here, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                   " AND application_name = 'libleaselock' AND state <> 'idle'") == 0);
}

/* ---- anywhere.h ---- */

const unsigned anywhere_rounds = 5;

int anywhere_setup(void **state)
{
    return migrations_setup(state);
}

int anywhere_teardown(void **state)
{
    return migrations_teardown(state);
}

void anywhere_empty(void)
{
    sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

const char *anywhere_url(void)
{
    return own_url("");
}

void anywhere_run(const char *text)
{
    sql(here, "%s", text);
}

const char *anywhere_text(const char *text)
{
    return rows("%s", text);
}

void anywhere_make_ran(void)
{
    sql(here, "CREATE TABLE ran (id bigserial PRIMARY KEY, what text)");
}

const char *anywhere_ran(const char *separator)
{
    return rows("SELECT coalesce(string_agg(what, '%s' ORDER BY id), '') FROM ran", separator);
}
