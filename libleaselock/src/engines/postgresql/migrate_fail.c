/* What the server says of a migration, in our codes and with its place in the file. */
#include <stdlib.h>
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "engines/postgresql/script.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/position.h"

enum { TEXT_MAX = 320, EXCERPT_MAX = 160 };

static const char *field(const PGresult *result, int code)
{
    const char *value = pq.PQresultErrorField(result, code);
    return value ? value : "";
}

static bool is_of(const char *sqlstate, const char *const *classes)
{
    for (; *classes; classes++)
        if (strncmp(sqlstate, *classes, strlen(*classes)) == 0)
            return true;
    return false;
}

/* What another try may overcome: serialization, deadlocks, lock_timeout, want of something, a server that goes. */
static bool is_passing(const char *sqlstate)
{
    static const char *const passing[] = {"08", "40", "53", "55P03", "57P", NULL};
    return is_of(sqlstate, passing);
}

/* Constraints, triggers and dependents: what a user's objects have against a statement of ours. */
static bool is_of_users(const char *sqlstate)
{
    static const char *const users[] = {"0A", "23", "27", "2B", "44", "55006", "P0", NULL};
    return is_of(sqlstate, users);
}

/* Of statements of our own. */
static leaselock_status status_of(const char *sqlstate)
{
    static const char *const missing[] = {"3D000", "3F000", NULL};
    static const char *const broken[] = {"XX001", "XX002", NULL};
    if (strcmp(sqlstate, "53100") == 0)
        return LEASELOCK_FULL;
    if (is_passing(sqlstate) || strcmp(sqlstate, "57014") == 0)
        return LEASELOCK_UNAVAILABLE;
    if (strcmp(sqlstate, "42501") == 0)
        return LEASELOCK_PERMISSION;
    if (strcmp(sqlstate, "25006") == 0)
        return LEASELOCK_READ_ONLY;
    if (is_of(sqlstate, missing))
        return LEASELOCK_NOT_FOUND;
    if (is_of_users(sqlstate))
        return LEASELOCK_MIGRATION_FAILED;
    return is_of(sqlstate, broken) ? LEASELOCK_CORRUPT : LEASELOCK_INTERNAL;
}

/* A link that broke is dropped; true where it did. */
static bool drop_broken(leaselock_connection *connection)
{
    bool broken = !connection->link || pq.PQstatus(connection->link) != CONNECTION_OK;
    if (broken)
        ll_pg_drop_link(connection);
    return broken;
}

/* "relation "a" does not exist; detail; hint": what the server said, in one line. */
static void describe(const leaselock_connection *connection, const PGresult *failure, char text[TEXT_MAX])
{
    static const int codes[] = {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT};
    const char *primary = field(failure, PG_DIAG_MESSAGE_PRIMARY);
    ll_pg_tidy(connection, primary[0] ? primary : pq.PQresultErrorMessage(failure), text, TEXT_MAX);
    for (size_t i = 0; i < 2; i++) {
        size_t used = strlen(text);
        const char *more = field(failure, codes[i]);
        if (!more[0] || used + 8 >= TEXT_MAX)
            continue;
        memcpy(text + used, "; ", 3);
        ll_pg_tidy(connection, more, text + used + 2, TEXT_MAX - used - 2);
    }
}

leaselock_status ll_pg_refused(leaselock_connection *connection, const PGresult *failure, const char *doing)
{
    char text[TEXT_MAX];
    const char *sqlstate = field(failure, PG_DIAG_SQLSTATE);
    describe(connection, failure, text);
    leaselock_status status = drop_broken(connection) ? LEASELOCK_UNAVAILABLE : status_of(sqlstate);
    ll_error_set(status, "PostgreSQL: cannot %s: %s", doing, text);
    return ll_pg_add_sqlstate(sqlstate);
}

leaselock_status ll_pg_commit_fail(leaselock_connection *connection, const PGresult *failure)
{
    char text[TEXT_MAX];
    const char *sqlstate = field(failure, PG_DIAG_SQLSTATE);
    describe(connection, failure, text);
    if (drop_broken(connection))
        ll_error_set(LEASELOCK_UNAVAILABLE,
                     "PostgreSQL: the connection was lost while a migration was committed: all of it is "
                     "applied, or nothing (the next run looks): %s",
                     text);
    else if (is_passing(sqlstate))
        ll_error_set(status_of(sqlstate), "PostgreSQL: cannot commit the migration: %s", text);
    else
        ll_error_set(LEASELOCK_MIGRATION_FAILED, "PostgreSQL: cannot commit the migration: %s", text);
    return ll_pg_add_sqlstate(sqlstate);
}

/* ---- of a script ---- */

/* Words of the statement, in one line. */
static void take_excerpt(const char *text, size_t size, char excerpt[EXCERPT_MAX + 1])
{
    size_t length = 0;
    for (size_t i = 0; i < size && length < EXCERPT_MAX; i++) {
        bool space = strchr(" \t\r\n\f", text[i]);
        if (!space || (length > 0 && excerpt[length - 1] != ' '))
            excerpt[length++] = space ? ' ' : text[i];
    }
    if (length == EXCERPT_MAX) /* perhaps in the middle of a character */
        while (length > 0 && (excerpt[length - 1] & 0x80))
            length--;
    while (length > 0 && strchr("; ", excerpt[length - 1]))
        length--;
    excerpt[length] = '\0';
}

/* Where it failed, and in which statement: by the position that the server tells, else by how many were done before. */
typedef struct ll_place {
    bool known;
    size_t at;
    ll_pg_statement statement;
} ll_place;

static ll_place find_place(const leaselock_connection *connection, const leaselock_script *script, size_t begin,
                           size_t end, const ll_pg_reply *reply)
{
    ll_place place = {.known = false};
    size_t position = strtoul(field(reply->failure, PG_DIAG_STATEMENT_POSITION), NULL, 10), next = begin, done = 0;
    size_t offset = position ? begin + ll_pg_offset_of(script->text + begin, end - begin, position) : 0;
    bool escapes = ll_pg_migrate_escapes(connection);
    while (!place.known && ll_pg_statement_next(script->text, end, escapes, &next, &place.statement))
        place.known = position ? offset < place.statement.end : done++ == reply->statements;
    place.at = position ? offset : place.statement.first;
    place.known = place.known || position;
    return place;
}

/* "000003_x.up.sql:3:8: syntax error at or near "TABEL" (in: CREATE TABEL users)": what, and where. */
static leaselock_status set_at(leaselock_script *script, leaselock_status status, size_t at,
                               const ll_pg_statement *statement, const char *what)
{
    char excerpt[EXCERPT_MAX + 1] = "";
    ll_position position = ll_position_of(script->text, at);
    script->failed_at = at + 1;
    if (statement)
        take_excerpt(script->text + statement->first, statement->end - statement->first, excerpt);
    return ll_error_set(status, "%s:%lld:%lld: %s%s%s%s", script->name, (long long)position.line,
                        (long long)position.column, what, excerpt[0] ? " (in: " : "", excerpt, excerpt[0] ? ")" : "");
}

leaselock_status ll_pg_script_fail_at(leaselock_script *script, size_t at, const char *what)
{
    return set_at(script, LEASELOCK_MIGRATION_FAILED, at, NULL, what);
}

/* Every transaction of the session only reads, not the script's alone. */
static bool only_reads(const leaselock_connection *connection)
{
    static const char *const names[] = {"default_transaction_read_only", "in_hot_standby"}; /* told since 14 */
    for (size_t i = 0; i < 2; i++) {
        const char *value = pq.PQparameterStatus(connection->link, names[i]);
        if (value && strcmp(value, "on") == 0)
            return true;
    }
    return false;
}

static leaselock_status status_of_script(leaselock_connection *connection, const char *sqlstate)
{
    if (drop_broken(connection))
        return LEASELOCK_UNAVAILABLE;
    if (strcmp(sqlstate, "53100") == 0)
        return LEASELOCK_FULL;
    if (strcmp(sqlstate, "25006") == 0 && only_reads(connection))
        return LEASELOCK_READ_ONLY;
    return is_passing(sqlstate) ? LEASELOCK_UNAVAILABLE : LEASELOCK_MIGRATION_FAILED;
}

leaselock_status ll_pg_script_fail(leaselock_connection *connection, leaselock_script *script, size_t begin, size_t end,
                                   const ll_pg_reply *reply)
{
    char text[TEXT_MAX];
    const char *sqlstate = field(reply->failure, PG_DIAG_SQLSTATE);
    ll_place place = find_place(connection, script, begin, end, reply);
    describe(connection, reply->failure, text);
    leaselock_status status = status_of_script(connection, sqlstate);
    if (place.known)
        set_at(script, status, place.at, &place.statement, text);
    else
        ll_error_set(status, "%s: %s", script->name, text);
    return ll_pg_add_sqlstate(sqlstate);
}

void ll_pg_log_notice(const PGresult *notice)
{
    int level = strcmp(field(notice, PG_DIAG_SEVERITY_NONLOCALIZED), "WARNING") == 0 ? LEASELOCK_LOG_WARNING
                                                                                     : LEASELOCK_LOG_INFO;
    ll_log(level, "postgresql", "%s", field(notice, PG_DIAG_MESSAGE_PRIMARY));
}
