/*
 * A user's own migrations: golang-migrate's table and locks, on a connection of their own or on one that the program
 * lends. One session from begin to end: what a script sets is there for the next one, as in golang-migrate. So
 * everything of ours is qualified, and a link that breaks in the midst of a run ends the run.
 */
#ifndef LL_POSTGRESQL_MIGRATE_H
#define LL_POSTGRESQL_MIGRATE_H

#include "engines/postgresql/advisory.h"
#include "engines/postgresql/message.h"

typedef struct ll_pg_migrating {
    char *table;                   /* "schema"."name", as statements want it */
    char *schema, *name;           /* the same two, plain */
    char *own_schema;              /* of the session when it was opened: what drop() empties */
    uint32_t keys[LL_PG_KEYS_MAX]; /* of the advisory locks, ascending */
    size_t key_count;
    int64_t statement_timeout_ms; /* x-statement-timeout; 0: none */
    bool one_by_one;              /* x-multi-statement */
    bool borrowed;                /* the link is the program's */
    bool direct;                  /* the session stays the same from transaction to transaction: no pooler */
    bool used;                    /* a script has run in the session */
    bool seen;                    /* the version table is golang-migrate's, and no script has run since it was looked at */
    bool inside;                  /* a transaction of ours, or one that a script left open */
    bool excluding;               /* the session holds the keys */
    const leaselock_call *call;   /* of the last begin */
    char *given_table;            /* how the URL or the call names the version table; NULL: not at all */
    bool given_quoted;            /* x-migrations-table-quoted */
} ll_pg_migrating;

/* --- migrate_url.c --- */
/* Reads golang-migrate's options and its driver's; the rest is libpq's. */
leaselock_status ll_pg_migrate_parse(const char *url, ll_pg_migrating *migrating, ll_pg_target *target);

/* --- migrate_open.c --- */
leaselock_status ll_pg_migrate_open(const char *url, const char *table, void *borrowed, const leaselock_call *call,
                                    leaselock_connection **out);
void ll_pg_migrate_settings(leaselock_connection *connection, leaselock_migration_settings *out);
/*
 * An idle session, or one inside of our transaction; a broken one is replaced at the start of a run only. INVALID: a
 * lent one is in use.
 */
leaselock_status ll_pg_migrate_ready(leaselock_connection *connection, bool new_run, const leaselock_call *call);
void ll_pg_free_migrating(leaselock_connection *connection);
bool ll_pg_is_borrowed(const leaselock_connection *connection);

/* --- migrate_lock.c --- */
/* As the script wants it, with the locks of table and keys; or UNAVAILABLE, and says who has them. */
leaselock_status ll_pg_migrate_begin(leaselock_connection *connection, const leaselock_script *script,
                                     const leaselock_call *call);
/* The same without the table, which need not be there. */
leaselock_status ll_pg_migrate_begin_bare(leaselock_connection *connection, const leaselock_call *call);
/* golang-migrate's table, to the letter, inside of a transaction. */
leaselock_status ll_pg_make_version_table(leaselock_connection *connection, const char *table,
                                          const leaselock_call *call);
/* Holds the keys in the session; the second one waits for them that long, whatever the call's time is. */
leaselock_status ll_pg_migrate_exclude(leaselock_connection *connection, const leaselock_call *call);
leaselock_status ll_pg_migrate_exclude_until(leaselock_connection *connection, const leaselock_call *call,
                                             int64_t until_ms);
void ll_pg_migrate_readmit(leaselock_connection *connection);
void ll_pg_migrate_rollback(leaselock_connection *connection);

/* --- migrate_run.c --- */
leaselock_status ll_pg_migrate_run(leaselock_connection *connection, leaselock_script *script,
                                   const leaselock_call *call);
/* standard_conforming_strings is off. */
bool ll_pg_migrate_escapes(const leaselock_connection *connection);

/* --- migrate_fail.c --- */
/* What the failure of a part of a script means, from the byte `begin` to `end`, and where in it that was. */
leaselock_status ll_pg_script_fail(leaselock_connection *connection, leaselock_script *script, size_t begin, size_t end,
                                   const ll_pg_reply *reply);
leaselock_status ll_pg_script_fail_at(leaselock_script *script, size_t at, const char *what);
/* The failure of a commit, which may be one of the script. */
leaselock_status ll_pg_commit_fail(leaselock_connection *connection, const PGresult *failure);
/* A notice of the server, to the log. */
void ll_pg_log_notice(const PGresult *notice);

/* --- migrate_drop.c --- */
leaselock_status ll_pg_migrate_drop(leaselock_connection *connection, const leaselock_call *call, int64_t *dropped);

extern const leaselock_migration_slots ll_pg_migrations;

#endif
