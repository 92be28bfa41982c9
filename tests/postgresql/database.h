/*
 * What the tests of the PostgreSQL engine share: sessions of their own beside the engine's, and short calls of its
 * table.
 */
#ifndef POSTGRESQL_DATABASE_H
#define POSTGRESQL_DATABASE_H

#include <libpq-fe.h>

#include "leaselock/sys/engine.h"
#include "support/check.h"

extern const leaselock_engine ll_engine_postgresql;

/* What tests/postgresql/server.py put into the environment, with a suffix such as "_TCP"; fails where it is empty. */
const char *server(const char *suffix);
/* Skips the test on a server that was given: it is not to be stopped, and its files cannot be read. */
void need_own_server(void);

/*
 * --- sessions beside the engine's, of the superuser -----------------------------------------------------------------
 */

PGconn *session(void);
/* Runs SQL (printf), which has to succeed; the answer's first value, valid until the next call. */
const char *sql(PGconn *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
long long number(PGconn *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The SQLSTATE that the SQL fails with; "00000" where it does not. */
const char *sqlstate(PGconn *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sends SQL that will have to wait; and whether its answer has come. */
void send_sql(PGconn *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool has_answered(PGconn *in);
/* Takes that answer; its SQLSTATE. */
const char *answer(PGconn *in);
/* Waits until a session is waiting for a lock of another. */
void wait_until_blocked(PGconn *observer, PGconn *blocked);

/*
 * --- the engine ------------------------------------------------------------------------------------------------------
 */

/* Ready, as the core makes one; with a ?…/&… of its own behind the URL. */
leaselock_connection *engine_connect(void);
leaselock_connection *engine_connect_to(const char *url);
leaselock_status engine_try_connect(const char *url, leaselock_connection **out);
void engine_close(leaselock_connection *);

/* A call with a generous time, or with this one. */
const leaselock_call *patient_call(void);
const leaselock_call *call_of(int64_t ms);

/* A name and an id that no other test uses. */
const char *new_resource(void);
leaselock_claim claim_on(const char *resource, const char *client, int64_t ttl_ms);
leaselock_claim obtained(leaselock_connection *, const char *resource, const char *client, int64_t ttl_ms);

leaselock_outcome obtain(leaselock_connection *, leaselock_claim);
leaselock_outcome renew(leaselock_connection *, leaselock_claim);
leaselock_outcome release(leaselock_connection *, leaselock_claim);

/*
 * For threads: UNAVAILABLE is tried again with the same claims, as the core does. False, with a message, for other
 * failures.
 */
typedef leaselock_status (*engine_slot)(leaselock_connection *, const leaselock_claim *, size_t, const leaselock_call *,
                                        leaselock_outcome *);
bool persist(engine_slot of, leaselock_connection *connection, const leaselock_claim *claims, size_t count,
             leaselock_outcome *outcomes);

#define assert_kind(expected, outcome) assert_int_equal((outcome).kind, LEASELOCK_OUTCOME_##expected)

#endif
