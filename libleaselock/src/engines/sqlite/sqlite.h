/*
 * The SQLite engine's own header: one connection, and what its parts ask of each other.
 * How a grant comes about: obtain.c; how its number survives a power loss: sequence.c; who may open a file: connect.c,
 * file.c.
 */
#ifndef LL_SQLITE_SQLITE_H
#define LL_SQLITE_SQLITE_H

#include <sqlite3.h>

#include "engines/sqlite/file.h"
#include "engines/sqlite/statements.h"
#include "leaselock/sys/engine.h"
#include "leaselock/sys/probes.h"

/* A connection that serves a user's own migrations, not leases: what its URL says, and what a script left behind. */
typedef struct ll_sqlite_migrating {
    char *table;       /* NULL: the URL does not say */
    int64_t wait_ms;   /* 0: the same */
    bool foreign_keys; /* on, other than in golang-migrate's driver */
    bool unwrapped;    /* x-no-tx-wrap */
    bool keys_changed; /* PRAGMA foreign_keys is not as it should be */
    bool touched;      /* a script changed settings, or attached databases: only a new handle is as it should be */
    bool table_made;   /* the version table and its index, in a transaction that was not rolled back */
    bool unended;      /* a transaction of ours could not be rolled back, for want of memory */
    bool borrowed;     /* the handle is the program's: foreign_keys is what it had */
    bool inside;       /* borrowed: an open transaction is the runner's or a script's */
    ll_sqlite_file nowhere; /* borrowed: stands for a database without a file */
} ll_sqlite_migrating;

struct leaselock_connection {
    sqlite3 *db;
    sqlite3 *checkpointer; /* opened by the first checkpoint */
    ll_sqlite_file *file;
    sqlite3_stmt *statements[LL_SQLITE_STATEMENTS];

    /* The clock that all processes of this boot share. */
    int64_t boot_offset_ms;
    char boot_id[LEASELOCK_BOOT_ID_MAX + 1];
    int64_t boot;   /* leaselock_control.boot of this boot */
    int64_t now_ms;  /* what the SQL clock said in the statement that runs; 0: not asked yet */
    int64_t wall_ms; /* the same of the wall clock */
    int64_t drawn;   /* the sequence that the last grant drew */

    /* Numbers may be handed out up to here: a FULL commit of this connection has put it on the disk. */
    int64_t covered;
    unsigned faults_seen; /* of file->faults, when covered was earned */

    int wal_frames;    /* in the WAL after the last commit */
    int checkpoint_at; /* frames that call for the next checkpoint */

    /* The call that runs, for the busy handler, and why that, or a clock, gave up. */
    const leaselock_call *call;
    leaselock_status gave_up;
    int64_t patient_until_ms; /* 0, or: wait no longer than this, and ask nobody whether to go on */

    bool as_it_is;                  /* the database is not converted: installing is switched off */
    ll_sqlite_migrating *migrating; /* NULL: for leases */
};

/* How many numbers are put on the disk at once. */
enum { LL_SQLITE_BLOCK = 1000 };
/* A database whose floor or ceiling is above this has no further block to give. */
#define LL_SQLITE_LAST_BLOCK (INT64_MAX - 2 * LL_SQLITE_BLOCK)

/* connect.c */
leaselock_status ll_sqlite_open(const char *url, const leaselock_call *call, leaselock_connection **out);
leaselock_status ll_sqlite_open_existing(const char *url, const leaselock_call *call, leaselock_connection **out);
leaselock_status ll_sqlite_open_again(leaselock_connection *connection, const leaselock_call *call,
                                      leaselock_connection **out);
void ll_sqlite_close(leaselock_connection *connection);
/* MOVED where the path leads to another file by now. */
leaselock_status ll_sqlite_check_file(leaselock_connection *connection);
/* A bare handle on a file, with SQLite's own settings; `create` makes what is missing. */
leaselock_status ll_sqlite_connect_plain(const char *path, bool create, sqlite3 **out);
/* The same with the settings that every handle on leases has. */
leaselock_status ll_sqlite_connect(const char *path, bool create, sqlite3 **out);
leaselock_status ll_sqlite_check_path(const char *path);

/* start.c: WAL, tables, clock, boot. */
leaselock_status ll_sqlite_start(leaselock_connection *connection, const leaselock_call *call);

/* busy.c: begins a slot; every wait for SQLite's locks inside it follows the call. */
void ll_sqlite_enter(leaselock_connection *connection, const leaselock_call *call);
/* The same for the slots of leases, which rely on their own commits: no transaction may be open. */
leaselock_status ll_sqlite_enter_clean(leaselock_connection *connection, const leaselock_call *call);
void ll_sqlite_install_busy_handler(leaselock_connection *connection);
/* A pause as the busy handler would make it, for the busy answers that SQLite does not call it for. */
leaselock_status ll_sqlite_pause(leaselock_connection *connection, int round);

/* status.c: the code for what SQLite said; sets the error record. `doing` completes "cannot …". */
leaselock_status ll_sqlite_fail(leaselock_connection *connection, int result, const char *doing);
leaselock_status ll_sqlite_status_of(sqlite3 *db, int result);

/* sequence.c */
/* Begins a transaction whose commit is on the disk when it returns; ends as NORMAL again by commit or rollback. */
leaselock_status ll_sqlite_begin(leaselock_connection *connection, bool durable);
leaselock_status ll_sqlite_commit(leaselock_connection *connection);
/* Whether later commits are on the disk when they return. */
leaselock_status ll_sqlite_set_durable(leaselock_connection *connection, bool durable);
/* Keeps the error record; a no-op outside a transaction. */
void ll_sqlite_rollback(leaselock_connection *connection);
/* Inside a durable transaction: raises the ceiling by a block above `needed`; the commit then covers *ceiling. */
leaselock_status ll_sqlite_raise_ceiling(leaselock_connection *connection, int64_t needed, int64_t *ceiling);
void ll_sqlite_cover(leaselock_connection *connection, int64_t ceiling);
/* Why the control row gave no block: EXHAUSTED, or CLOCK where another boot has the database. */
leaselock_status ll_sqlite_no_block(leaselock_connection *connection);
leaselock_status ll_sqlite_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                       int64_t *out);

/* recover.c */
/* To be told of every result of a statement that may have committed. */
void ll_sqlite_note_fault(leaselock_connection *connection, int result);
/* After an I/O error on a commit anywhere in this process: earns the right to grant again, or says why not. */
leaselock_status ll_sqlite_recover(leaselock_connection *connection);

/* checkpoint.c: after a commit, when the WAL has grown enough. Never fails the operation that caused it. */
void ll_sqlite_checkpoint_if_due(leaselock_connection *connection);
/* One checkpoint; *complete tells whether all of the WAL is in the database now, *frames how much that is. */
leaselock_status ll_sqlite_checkpoint(leaselock_connection *connection, bool *complete, int *frames);
void ll_sqlite_install_wal_hook(leaselock_connection *connection);

/* obtain.c, renew.c, list.c: the slots. */
leaselock_status ll_sqlite_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                  const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_sqlite_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                 const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_sqlite_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                   const leaselock_call *call, leaselock_outcome *outcomes);
leaselock_status ll_sqlite_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                                leaselock_row_visitor visit, void *payload);

/* migrate.c: the version table and its transactions */
extern const leaselock_migration_slots ll_sqlite_migrations;
/* Runs statements of our own; `doing` completes "cannot …". */
leaselock_status ll_sqlite_execute(leaselock_connection *connection, const char *sql, const char *doing);
/* The statement failed because there is something of that name already. */
bool ll_sqlite_is_taken(leaselock_connection *connection, int result);

/* migrate_open.c */
leaselock_status ll_sqlite_open_migrations(const char *url, const char *table, void *borrowed,
                                           const leaselock_call *call, leaselock_connection **out);
void ll_sqlite_migration_settings(leaselock_connection *connection, leaselock_migration_settings *out);
/* Undoes what a script left behind in the connection. First thing where nothing is in progress. */
leaselock_status ll_sqlite_refresh(leaselock_connection *connection);
/* Outside of a transaction: for the script that comes; put back by ll_sqlite_refresh(). */
leaselock_status ll_sqlite_switch_keys_off(leaselock_connection *connection);
void ll_sqlite_free_migrating(leaselock_connection *connection);

/* migrate_borrow.c: a handle that the program lends; nothing is installed in it that could not be taken out again. */
leaselock_status ll_sqlite_borrow(leaselock_connection *connection, sqlite3 *db);
bool ll_sqlite_is_borrowed(const leaselock_connection *connection);
/* INVALID where something of its owner's is in progress on it. */
leaselock_status ll_sqlite_check_idle(leaselock_connection *connection);
/*
 * Whether to repeat what was answered with `result`: busy where no handler of ours is asked, and a pause was possible.
 */
bool ll_sqlite_try_again(leaselock_connection *connection, int result, int *round);
/* After each transaction: foreign keys as they were found. Keeps the error record. */
void ll_sqlite_give_back(leaselock_connection *connection);

/* migrate_run.c */
leaselock_status ll_sqlite_run_script(leaselock_connection *connection, leaselock_script *script,
                                      const leaselock_call *call);

/* Rolls back what is open. Where there is no memory for that, ll_sqlite_refresh() of the next call does. */
void ll_sqlite_end_transaction(leaselock_connection *connection);

/* migrate_drop.c */
leaselock_status ll_sqlite_drop(leaselock_connection *connection, const leaselock_call *call, int64_t *dropped);

#endif
