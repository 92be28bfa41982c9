/*
 * The PostgreSQL engine's own header: one connection, and what its parts ask of each other.
 * The statements, and why they are written as they are: statements.c; how they travel: exchange.c; how a grant comes
 * about: obtain.c. No statement of a lease waits for a row that is locked: the row is busy, or the core tries again.
 */
#ifndef LL_POSTGRESQL_POSTGRESQL_H
#define LL_POSTGRESQL_POSTGRESQL_H

#include "engines/postgresql/libpq.h"
#include "engines/postgresql/statements.h"
#include "engines/postgresql/target.h"
#include "leaselock/error.h"
#include "leaselock/sys/engine.h"

struct leaselock_connection {
    PGconn *link; /* NULL: to be made by the next exchange */
    ll_pg_target target;
    char *schema; /* quoted, what all statements are qualified with */
    char *sql[LL_PG_STATEMENTS];
    bool farewell; /* the server has said that it ends the connection */
    bool greeting; /* the link is new, and its first exchange is under way */
    /* A session of our own: statements may be prepared. Behind a pooler each transaction may meet another session. */
    bool direct;
    bool prepared[LL_PG_STATEMENTS];
    /* An obtain of this acquisition was sent, and its answer is not known: it may still be running. */
    char in_doubt[LEASELOCK_ACQUISITION_LENGTH + 1];
    const leaselock_call *migration; /* the call that began the transaction of a migration; NULL outside of one */
    struct ll_pg_migrating *migrating; /* a user's own migrations (migrate.h); NULL: leases */
};

/* --- connect.c --- */
leaselock_status ll_pg_open(const char *url, const leaselock_call *call, leaselock_connection **out);
leaselock_status ll_pg_open_again(leaselock_connection *connection, const leaselock_call *call,
                                  leaselock_connection **out);
void ll_pg_close(leaselock_connection *connection);
/* Connects where there is no link, or only a dead one. UNAVAILABLE is worth another try. */
leaselock_status ll_pg_ensure_link(leaselock_connection *connection, const leaselock_call *call);
/* Makes the link, and asks nobody anything. */
leaselock_status ll_pg_make_link(leaselock_connection *connection, const leaselock_call *call, int64_t until_ms);
/* Of an idle link: whether the server has gone. */
bool ll_pg_is_dead(leaselock_connection *connection);
/*
 * Whatever was under way is given up: a late answer must never be taken for the next one. A borrowed link is let go of.
 */
void ll_pg_drop_link(leaselock_connection *connection);

/* --- start.c --- */
leaselock_status ll_pg_start(leaselock_connection *connection, const leaselock_call *call);

/* --- exchange.c: everything that goes over the wire --- */
enum { LL_PG_REQUESTS_MAX = 4, LL_PG_VALUES_MAX = 4 };

/* One statement of an exchange. Zeroed, then filled. */
typedef struct ll_pg_request {
    ll_pg_statement_id id; /* LL_SQL_TEXT: `text` is the statement */
    const char *text;
    const char *values[LL_PG_VALUES_MAX];
    int value_count;
    PGresult *result; /* with values in binary, once the exchange was OK */
} ll_pg_request;

/*
 * Sends the requests in one round trip, as one transaction unless one is open, and waits for their results. The results
 * are the caller's to clear, whatever is returned. *asked_ms: the boot clock just before. `doing` completes "cannot …".
 */
leaselock_status ll_pg_exchange(leaselock_connection *connection, const leaselock_call *call, ll_pg_request *requests,
                                size_t count, const char *doing, int64_t *asked_ms);
void ll_pg_clear(ll_pg_request *requests, size_t count);
/* A bool, int4, int8 or timestamptz of a result, which are in binary; NULL is 0. */
int64_t ll_pg_integer(const PGresult *result, int row, int column);
/* A script of statements, without values and results. */
leaselock_status ll_pg_run_script(leaselock_connection *connection, const leaselock_call *call, const char *sql,
                                  const char *doing);
/* Waits for the link's socket, in slices after each of which the call may end. */
leaselock_status ll_pg_wait(leaselock_connection *connection, const leaselock_call *call, int64_t until_ms,
                            short events);

/* --- status.c: what PostgreSQL said, in our codes; sets the error record --- */
/* Of a statement; drops the link where that is what the failure calls for. */
leaselock_status ll_pg_fail(leaselock_connection *connection, const PGresult *result, const char *doing);
/* Of the link, which is dropped. */
leaselock_status ll_pg_fail_link(leaselock_connection *connection, const char *doing);
leaselock_status ll_pg_fail_connect(leaselock_connection *connection);
/* What the server said, in one line of at most `size` and without the link's password. */
void ll_pg_tidy(const leaselock_connection *connection, const char *text, char *line, size_t size);
/* Adds it to the record that was just set; returns that one's code. */
leaselock_status ll_pg_add_sqlstate(const char *sqlstate);

/* --- the slots: obtain.c, renew.c, list.c, floor.c, install.c; a user's own migrations: migrate.h --- */
leaselock_status ll_pg_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                              const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_pg_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                             const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_pg_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                               const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_pg_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                            leaselock_row_visitor visit, void *payload);
leaselock_status ll_pg_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                   int64_t *out);
extern const leaselock_migration_slots ll_pg_installation;

#endif
