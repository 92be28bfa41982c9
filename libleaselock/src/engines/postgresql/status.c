/* What PostgreSQL says, in our codes. */
#include <ctype.h>
#include <string.h>

#include "engines/postgresql/postgresql.h"
#include "util/error.h"
#include "util/text.h"

static const struct {
    const char *sqlstate; /* five characters, or the two of a class */
    leaselock_status status;
} codes[] = {
    {"22003", LEASELOCK_EXHAUSTED},      /* a number out of range: the sequence is the only one that grows */
    {"22021", LEASELOCK_INVALID},        /* an id that the database's encoding has no letters for */
    {"22P05", LEASELOCK_INVALID},
    {"25006", LEASELOCK_UNAVAILABLE},    /* read-only: after a fail-over the writable server is elsewhere */
    {"28", LEASELOCK_PERMISSION},
    {"3D000", LEASELOCK_NOT_FOUND},
    {"3F000", LEASELOCK_NO_TABLES},
    {"42501", LEASELOCK_PERMISSION},
    {"42P01", LEASELOCK_NO_TABLES},
    {"42P07", LEASELOCK_FOREIGN_TABLES}, /* what is to be made is there */
    {"42703", LEASELOCK_FOREIGN_TABLES}, /* a column is not there, or of another type */
    {"42723", LEASELOCK_FOREIGN_TABLES},
    {"42804", LEASELOCK_FOREIGN_TABLES},
    {"42883", LEASELOCK_FOREIGN_TABLES},
    {"53100", LEASELOCK_FULL},
    {"58", LEASELOCK_IO},
    {"XX001", LEASELOCK_CORRUPT},
    {"XX002", LEASELOCK_CORRUPT},
    /* worth another try: lost connections, serialization, cancelled, short of something, shut down, starting up */
    {"08", LEASELOCK_UNAVAILABLE},
    {"25P03", LEASELOCK_UNAVAILABLE},
    {"25P04", LEASELOCK_UNAVAILABLE},
    {"26000", LEASELOCK_UNAVAILABLE},
    {"40", LEASELOCK_UNAVAILABLE},
    {"53", LEASELOCK_UNAVAILABLE},
    {"55P03", LEASELOCK_UNAVAILABLE},
    {"57", LEASELOCK_UNAVAILABLE},
    {"0A000", LEASELOCK_UNAVAILABLE},    /* a prepared plan that the table has outgrown */
};

/* After these the same session would only say the same again. */
static const char *const hopeless[] = {"25006", "26000", "0A000", "08", "57P"};

static leaselock_status status_of(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strncmp(codes[i].sqlstate, sqlstate, strlen(codes[i].sqlstate)) == 0)
            return codes[i].status;
    return LEASELOCK_INTERNAL;
}

/* In one line, and without the password. */
static void tidy(const char *text, size_t length, const char *password, char *line, size_t size)
{
    size_t hidden = password ? strlen(password) : 0, used = 0;
    const char *end = text + length;
    while (text < end && used + 4 < size) {
        if (hidden > 0 && strncmp(text, password, hidden) == 0) {
            memcpy(line + used, "***", 3);
            used += 3;
            text += hidden;
        } else if (isspace((unsigned char)*text)) {
            while (text < end && isspace((unsigned char)*text))
                text++;
            if (used > 0 && text < end)
                line[used++] = ' ';
        } else {
            line[used++] = *text++;
        }
    }
    line[used] = '\0';
}

void ll_pg_tidy(const leaselock_connection *connection, const char *text, char *line, size_t size)
{
    tidy(text, strlen(text), connection->link ? pq.PQpass(connection->link) : NULL, line, size);
}

leaselock_status ll_pg_add_sqlstate(const char *sqlstate)
{
    leaselock_error record;
    ll_error_save(&record);
    ll_text_copy(record.sqlstate, sizeof record.sqlstate, sqlstate);
    return ll_error_restore(&record);
}

static leaselock_status set(leaselock_status status, const char *sqlstate, const char *doing, const char *text)
{
    ll_error_set(status, "PostgreSQL: cannot %s: %s", doing, text[0] ? text : "the connection was lost");
    return ll_pg_add_sqlstate(sqlstate);
}

leaselock_status ll_pg_fail(leaselock_connection *connection, const PGresult *result, const char *doing)
{
    const char *sqlstate = pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[300];
    ll_pg_tidy(connection, primary ? primary : pq.PQresultErrorMessage(result), text, sizeof text);
    if (!sqlstate) { /* from libpq itself: the connection broke */
        ll_pg_drop_link(connection);
        return set(LEASELOCK_UNAVAILABLE, "", doing, text);
    }
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++)
        if (strncmp(hopeless[i], sqlstate, strlen(hopeless[i])) == 0)
            ll_pg_drop_link(connection);
    return set(status_of(sqlstate), sqlstate, doing, text);
}

leaselock_status ll_pg_fail_link(leaselock_connection *connection, const char *doing)
{
    char text[300];
    ll_pg_tidy(connection, pq.PQerrorMessage(connection->link), text, sizeof text);
    ll_pg_drop_link(connection);
    return set(LEASELOCK_UNAVAILABLE, "", doing, text);
}

/* Finds "FATAL:  28P01: …" in a verbose message: two blanks, five capitals or digits, a colon. */
static const char *find_sqlstate(const char *message, char sqlstate[6])
{
    for (const char *at = message; (at = strstr(at, ":  ")); at++) {
        const char *code = at + 3;
        size_t length = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (length == 5 && code[5] == ':') {
            memcpy(sqlstate, code, 5);
            return code + 6;
        }
    }
    return NULL;
}

leaselock_status ll_pg_fail_connect(leaselock_connection *connection)
{
    const char *message = pq.PQerrorMessage(connection->link);
    char sqlstate[6] = "", text[300];
    const char *said = find_sqlstate(message, sqlstate);
    /* a verbose message goes on with places in the server's source */
    tidy(said ? said : message, said ? strcspn(said, "\n") : strlen(message), pq.PQpass(connection->link), text,
         sizeof text);
    leaselock_status status = LEASELOCK_UNAVAILABLE;
    if (said)
        status = status_of(sqlstate);
    else if (pq.PQconnectionNeedsPassword(connection->link))
        status = LEASELOCK_PERMISSION;
    else if (strncmp(message, "invalid ", 8) == 0) /* an option's value, before anything was tried */
        status = LEASELOCK_INVALID;
    ll_pg_drop_link(connection);
    return set(status, sqlstate, "connect", text);
}
