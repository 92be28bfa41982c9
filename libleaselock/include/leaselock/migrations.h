/**
 * Schema migrations: golang-migrate's files and version table, run so that a failure leaves nothing behind.
 *
 * A migration is a file NUMBER_title.up.EXTENSION, and one named `.down.` that takes it back. The database says in a
 * table of one row (schema_migrations) which version it is at. Body and version are written in one transaction: a
 * migration that fails, or a process that is killed, leaves the old version and the old schema. What cannot run in a
 * transaction (VACUUM, PRAGMA journal_mode, CREATE INDEX CONCURRENTLY, a COMMIT of its own) runs as golang-migrate runs
 * it: the row is marked as dirty around it.
 *
 * What a run did is data, a leaselock_migration_result: done, no change, short, stopped. A status says that it failed.
 * No version (nothing was applied yet) is LEASELOCK_NO_VERSION, -1; versions are 0 to 2^63-1.
 *
 * Threads: a handle may be used from several threads; one run at a time, the others wait for their turn. Other
 * processes are excluded by SQLite's write lock, or on PostgreSQL by golang-migrate's advisory locks, held for one
 * migration at a time: each is applied exactly once. Waits end by leaselock_migrations_stop(), and by the thread's
 * interrupt hook (then as INTERRUPTED).
 *
 * Errors that any function here may return, beside its own: INVALID, NOMEM, CLOSED, FORKED, INTERRUPTED, UNAVAILABLE
 * (the lock was not free in time; the message says who has it, where that is known. A server: it cannot be reached, or
 * what failed may pass, such as a deadlock), IO, FULL, PERMISSION, READ_ONLY, NOT_A_DATABASE, CORRUPT, MOVED, INTERNAL.
 * Errors of every function that reads the version: FOREIGN_TABLES (the version table is another tool's), VERSION_ROWS
 * (it has more than one row), BAD_VERSION (its row holds no version). Nothing is changed then.
 */
#ifndef LEASELOCK_MIGRATIONS_H
#define LEASELOCK_MIGRATIONS_H

#include "leaselock/common.h"
#include "leaselock/config.h"
#include "leaselock/secrets.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The version of a database that no migration was applied to. */
#define LEASELOCK_NO_VERSION ((int64_t)-1)

/** The migrations of one source, to be run on one database. */
typedef struct leaselock_migrations leaselock_migrations;

/* ---- what a run did ---- */

typedef struct leaselock_migration_result leaselock_migration_result;

typedef int leaselock_migration_kind;
enum {
    LEASELOCK_MIGRATION_DONE = 1,      /**< everything that was asked for */
    LEASELOCK_MIGRATION_NO_CHANGE = 2, /**< the database was there already */
    LEASELOCK_MIGRATION_SHORT = 3,     /**< steps: all there were, fewer than asked for */
    LEASELOCK_MIGRATION_STOPPED = 4,   /**< leaselock_migrations_stop() was heard; what is listed is applied */
    LEASELOCK_MIGRATION_RUNNING = 5    /**< it has not ended yet: what a progress function gets */
};

/** True for DONE and NO_CHANGE only; false for NULL. Since 0.1. */
LEASELOCK_API bool leaselock_migration_succeeded(const leaselock_migration_result *result);

/** Since 0.1. */
LEASELOCK_API leaselock_migration_kind leaselock_migration_result_kind(const leaselock_migration_result *result);
/** "DONE", "NO_CHANGE", "SHORT", "STOPPED", "RUNNING". Since 0.1. */
LEASELOCK_API const char *leaselock_migration_kind_name(leaselock_migration_kind kind);
/** How many steps were missing, for SHORT; else 0. Since 0.1. */
LEASELOCK_API int64_t leaselock_migration_result_missing(const leaselock_migration_result *result);
/**
 * The version before and after, or LEASELOCK_NO_VERSION; that also where the run did not look: steps of 0, and a run
 * that was stopped before it could. Since 0.1.
 */
LEASELOCK_API int64_t leaselock_migration_result_from(const leaselock_migration_result *result);
LEASELOCK_API int64_t leaselock_migration_result_to(const leaselock_migration_result *result);
/**
 * True for a run that was stopped and left the database dirty at its `to`: inside a migration that runs without a
 * transaction, or while it waited for a database that was dirty before. Since 0.1.
 */
LEASELOCK_API bool leaselock_migration_result_dirty(const leaselock_migration_result *result);

/**
 * How many migrations were run. The getters below take an index below it, in the order of the run; they answer NULL or
 * 0 beyond. Since 0.1.
 */
LEASELOCK_API size_t leaselock_migration_result_count(const leaselock_migration_result *result);
/** The migration's own version; after a down the database is at the one before. Since 0.1. */
LEASELOCK_API int64_t leaselock_migration_result_version(const leaselock_migration_result *result, size_t index);
/**
 * Its title, or "" where it has no file for this direction: then nothing ran, and only the version moved. Borrowed.
 * Since 0.1.
 */
LEASELOCK_API const char *leaselock_migration_result_title(const leaselock_migration_result *result, size_t index);
/** Its file's name, or "". Borrowed. Since 0.1. */
LEASELOCK_API const char *leaselock_migration_result_file(const leaselock_migration_result *result, size_t index);
/** True for an up, false for a down. Since 0.1. */
LEASELOCK_API bool leaselock_migration_result_is_up(const leaselock_migration_result *result, size_t index);
/** How long it took, in milliseconds. Since 0.1. */
LEASELOCK_API int64_t leaselock_migration_result_duration(const leaselock_migration_result *result, size_t index);
LEASELOCK_API void leaselock_migration_result_free(leaselock_migration_result *result);

/* ---- opening ---- */

/** Zeroed means all defaults; struct_size must be sizeof(leaselock_migrations_options). Append only. */
typedef struct leaselock_migrations_options {
    size_t struct_size;
    const char *table; /**< the version table, unquoted or in its own quotes; default: the URL's x-migrations-table,
                          else schema_migrations */
    int64_t wait_ms;   /**< how long to wait for other runners; default: the URL's _busy_timeout, else 5 s. May be
                          LEASELOCK_FOREVER */
    /**
     * Called after each migration that was run, on the thread that runs them; may be NULL. The last of `so_far` is that
     * migration, its kind is RUNNING. It is borrowed for the call. Of this handle only leaselock_migrations_stop() may
     * be called; what else waits for its turn answers INVALID.
     */
    void (*progress)(const leaselock_migration_result *so_far, void *payload);
    void *payload; /**< passed to it, yours */
    /**
     * An open connection to run on instead of a new one: a `sqlite3 *` or `PGconn *` of the very libsqlite3 or libpq
     * that this process loads. It is never closed, and stays yours: close the handle first. Nobody else may use it
     * during a call of the handle; with a transaction or a statement of it in progress, every call answers INVALID. The
     * URL then only says which engine ("sqlite:" will do) and options; a path in it is not looked at. On SQLite also a
     * database in memory may be lent; temporary tables and settings of the connection are the migrations', and what a
     * migration sets stays. Two things to know there: the connection's own busy handler is asked before the waiting of
     * this handle begins, and a progress handler of yours is gone after a run (SQLite tells nobody which one there
     * was).
     */
    void *borrowed;
} leaselock_migrations_options;

/**
 * Migrations of a program that is configured by a file: runs the folder db.migrations on the database of db.url, or of
 * db.engine, db.host, db.port and db.dbname with the secrets POSTGRES_USER and POSTGRES_PASSWORD.
 * @param config   borrowed for the call
 * @param secrets  borrowed for the call; NULL where none are needed
 * @param options  NULL for the defaults
 * @param out      close it, then free it
 * Specific errors: those of leaselock_migrations_open_directory(), SECRET. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status
leaselock_migrations_open(const leaselock_config *config, leaselock_secrets *secrets,
                          const leaselock_migrations_options *options, leaselock_migrations **out);

/**
 * Connects to the database and reads the names in the folder. Changes nothing, but may create an empty database.
 * @param url        postgresql://… or postgres://…, with golang-migrate's options (docs/postgresql.md); sqlite:PATH,
 *                   sqlite:///absolute/path; or golang-migrate's sqlite3://PATH. Options there:
 *                   x-migrations-table, x-no-tx-wrap, _foreign_keys (_fk), _busy_timeout, as golang-migrate and its
 *                   driver read them
 * @param directory  a path, or golang-migrate's file://PATH; subfolders are not looked into
 * @param options    NULL for the defaults
 * @param out        close it, then free it
 * Specific errors: SCHEME, NOT_FOUND, DIRECTORY, DUPLICATE_MIGRATION (two files of one version and direction),
 * BAD_MIGRATION (a version above 2^63-1). Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status
leaselock_migrations_open_directory(const char *url, const char *directory, const leaselock_migrations_options *options,
                                    leaselock_migrations **out);

/** Migrations that are not in files: a list that a program fills. */
typedef struct leaselock_migration_source leaselock_migration_source;

/** An empty list. @param out yours to free. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migration_source_new(leaselock_migration_source **out);

/**
 * Adds what would be a file. A name that is none of a migration is skipped, as it is in a directory.
 * @param name  such as "000001_users.up.sql"; copied
 * @param body  the statements, copied; `size` bytes. NULL with size 0 is an empty one
 * Specific errors: DUPLICATE_MIGRATION, BAD_MIGRATION (a version above 2^63-1, or a NUL in the body). Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migration_source_add(leaselock_migration_source *source,
                                                                                   const char *name, const void *body,
                                                                                   size_t size);
LEASELOCK_API void leaselock_migration_source_free(leaselock_migration_source *source);

/**
 * The same as leaselock_migrations_open_directory(), with a list.
 * @param source  copied: later additions do not count. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status
leaselock_migrations_open_source(const char *url, const leaselock_migration_source *source,
                                 const leaselock_migrations_options *options, leaselock_migrations **out);

/**
 * Closes the connection. Idempotent; later calls answer CLOSED. A run in progress is waited for. INVALID from what that
 * run itself calls, its progress function or the thread's interrupt hook: stop the run there, close afterwards.
 * Since 0.1.
 */
LEASELOCK_API leaselock_status leaselock_migrations_close(leaselock_migrations *migrations);
LEASELOCK_API void leaselock_migrations_free(leaselock_migrations *migrations);

/* ---- running ---- */

/*
 * Each of up, down, steps and goto may return, beside the errors above: DIRTY (a migration of another tool, or one that
 * could not run in a transaction, failed half-way), UNKNOWN_VERSION (the database's version is in no file),
 * NO_MIGRATION (there is no such migration, or none at all), BAD_MIGRATION (the file cannot be read, or is none),
 * MIGRATION_FAILED (a statement failed; see leaselock_migrations_failed_line()), MIGRATION_CONFLICT (another runner
 * moved the version the other way meanwhile).
 * After an error, the migrations before the failing one stay applied. `out` is yours to free; it may be NULL.
 */

/** Applies all that is pending. An empty source is NO_MIGRATION. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_up(leaselock_migrations *migrations,
                                                                            leaselock_migration_result **out);
/** Takes everything back, to no version. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_down(leaselock_migrations *migrations,
                                                                              leaselock_migration_result **out);
/**
 * Applies the next `count` migrations, or takes the last -count back; 0 is NO_CHANGE. Where there are fewer, those are
 * run and the result is SHORT; where there is none, NO_MIGRATION. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_steps(leaselock_migrations *migrations,
                                                                               int64_t count,
                                                                               leaselock_migration_result **out);
/** Up or down to exactly that version. Specific errors: NO_MIGRATION where it is in no file. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_goto(leaselock_migrations *migrations,
                                                                              int64_t version,
                                                                              leaselock_migration_result **out);
/**
 * Writes the version, clean, and runs nothing: what to do after a DIRTY database was repaired by hand.
 * @param version  0 or more, in a file or not; LEASELOCK_NO_VERSION empties the table
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_force(leaselock_migrations *migrations,
                                                                               int64_t version,
                                                                               leaselock_migration_result **out);
/**
 * Drops every table and view, the version table too, in one transaction. Tables of leases (leaselock_…) stay: their
 * sequences must not begin anew. On PostgreSQL that is of the schema that was current when the handle was opened, with
 * all that depends on them; types, functions and sequences of their own stay. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_drop(leaselock_migrations *migrations,
                                                                              leaselock_migration_result **out);

/** When a stop takes effect. */
typedef int leaselock_stop;
enum {
    LEASELOCK_STOP_BETWEEN = 1, /**< after the migration that runs */
    LEASELOCK_STOP_NOW = 2      /**< by cancelling the statement that runs; its migration is rolled back */
};

/**
 * Stops the run in progress, or the next one where none is: its result is STOPPED. Waits for nobody; may be called from
 * any thread and from a signal handler. A migration that runs without a transaction is left dirty when it is cancelled.
 * Since 0.1.
 */
LEASELOCK_API leaselock_status leaselock_migrations_stop(leaselock_migrations *migrations, leaselock_stop when);

/* ---- looking ---- */

/**
 * The database's version; takes no lock and writes nothing.
 * @param version  LEASELOCK_NO_VERSION where nothing is applied
 * @param dirty    true: a migration failed half-way. May be NULL
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_version(leaselock_migrations *migrations,
                                                                                 int64_t *version, bool *dirty);

/** All migrations of the source, and where the database stands. */
typedef struct leaselock_migration_listing leaselock_migration_listing;

typedef int leaselock_migration_state;
enum {
    LEASELOCK_MIGRATION_APPLIED = 1,
    LEASELOCK_MIGRATION_PENDING = 2,
    LEASELOCK_MIGRATION_MISSING = 3 /**< the database is at this version, and no file has it */
};

/** "APPLIED", "PENDING", "MISSING". Since 0.1. */
LEASELOCK_API const char *leaselock_migration_state_name(leaselock_migration_state state);

/**
 * Sorted by version. Takes no lock, writes nothing, and is no error where the database is dirty. @param out yours to
 * free. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_status(leaselock_migrations *migrations,
                                                                                leaselock_migration_listing **out);
/** The row as it is. Since 0.1. */
LEASELOCK_API int64_t leaselock_migration_listing_current(const leaselock_migration_listing *listing);
LEASELOCK_API bool leaselock_migration_listing_dirty(const leaselock_migration_listing *listing);
/** How many are pending. Since 0.1. */
LEASELOCK_API size_t leaselock_migration_listing_pending(const leaselock_migration_listing *listing);
/** How many versions. The getters below take an index below it; they answer NULL or 0 beyond. Since 0.1. */
LEASELOCK_API size_t leaselock_migration_listing_count(const leaselock_migration_listing *listing);
LEASELOCK_API int64_t leaselock_migration_listing_version(const leaselock_migration_listing *listing, size_t index);
/** The up file's title, else the down file's. Borrowed. Since 0.1. */
LEASELOCK_API const char *leaselock_migration_listing_title(const leaselock_migration_listing *listing, size_t index);
LEASELOCK_API leaselock_migration_state leaselock_migration_listing_state(const leaselock_migration_listing *listing,
                                                                          size_t index);
LEASELOCK_API bool leaselock_migration_listing_has_up(const leaselock_migration_listing *listing, size_t index);
LEASELOCK_API bool leaselock_migration_listing_has_down(const leaselock_migration_listing *listing, size_t index);
LEASELOCK_API void leaselock_migration_listing_free(leaselock_migration_listing *listing);

/*
 * Where the last run of this handle failed (MIGRATION_FAILED, BAD_MIGRATION); 0 and "" when it did not, or nobody can
 * tell. Borrowed, valid until the handle's next run. Not for a handle that another thread runs at the same time.
 */
/** The file's name. Since 0.1. */
LEASELOCK_API const char *leaselock_migrations_failed_file(const leaselock_migrations *migrations);
/** Line, from 1. Since 0.1. */
LEASELOCK_API int64_t leaselock_migrations_failed_line(const leaselock_migrations *migrations);
/** Column, from 1, counted in characters. Since 0.1. */
LEASELOCK_API int64_t leaselock_migrations_failed_column(const leaselock_migrations *migrations);
/** The text of that line, without its end: what a caret can be put under. Since 0.1. */
LEASELOCK_API const char *leaselock_migrations_failed_text(const leaselock_migrations *migrations);

/* ---- new files ---- */

/** How a new migration is numbered. */
typedef int leaselock_numbering;
enum {
    LEASELOCK_NUMBERING_SEQUENCE = 0, /**< the highest version there is, plus 1, with zeros in front */
    LEASELOCK_NUMBERING_TIME = 1,     /**< UTC, as 20060102150405 */
    LEASELOCK_NUMBERING_UNIX = 2      /**< seconds since 1970 */
};

/** Zeroed means all defaults; struct_size must be sizeof(leaselock_create_options). Append only. */
typedef struct leaselock_create_options {
    size_t struct_size;
    leaselock_numbering numbering;
    int digits;            /**< of a sequence, 1 to 19; default 6 */
    const char *extension; /**< with or without its dot; default "sql" */
} leaselock_create_options;

/**
 * Creates two empty files, up and down, and the directory where it is missing. Needs no database.
 * @param title    anything but "", '/' and line ends
 * @param options  NULL for the defaults
 * @param out      the files and their version; yours to free, may be NULL
 * Specific errors: DUPLICATE_MIGRATION (there is such a version), NOT_FOUND, PERMISSION, IO. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_migrations_create(const char *directory,
                                                                                const char *title,
                                                                                const leaselock_create_options *options,
                                                                                leaselock_migration_result **out);

#ifdef __cplusplus
}
#endif

#endif
