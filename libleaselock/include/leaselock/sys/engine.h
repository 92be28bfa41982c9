/**
 * The engine table: what keeps leases in one kind of database.
 *
 * Less stable than the plain headers: may change with a minor version. `engines/memory/memory.c` is the specification
 * that one can run; the conformance suite (tests/conformance) is run against every engine by URL.
 *
 * Rules for an engine
 *  - Locks: the core calls one slot of a connection at a time (its mutex covers the call), except `watch`. Two
 *    connections may be used at the same time from two threads. An engine never calls the core; it may call util.
 *  - What is expected is an outcome per lease, never a status: busy, lost, not ours. A status says that nothing can be
 *    said.
 *  - Statuses that any slot may return: NOMEM, UNAVAILABLE (worth another try with the same claims while the call's
 *    time lasts), whatever call->pause returned, IO, FULL, PERMISSION, READ_ONLY, CORRUPT, MOVED, CLOCK, INTERNAL. Each
 *    with ll_error_set().
 *  - A slot that waits does so by call->pause, and gives up as UNAVAILABLE once call->until_ms has passed.
 *  - Arrays: all claims of one call name different resources, in any order. Outcomes count only when OK is returned.
 *  - Strings in are borrowed for the call. Ids are valid: 1 to 255 bytes of UTF-8.
 */
#ifndef LEASELOCK_SYS_ENGINE_H
#define LEASELOCK_SYS_ENGINE_H

#include "leaselock/common.h"
#include "leaselock/lease.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A connection, the engine's own struct. */
typedef struct leaselock_connection leaselock_connection;

/** How long a call may take, and how it waits. */
typedef struct leaselock_call leaselock_call;
struct leaselock_call {
    int64_t until_ms; /**< boot clock: when the call must be over */
    /** Sleeps at most `microseconds`. OK, or why to give up: INTERRUPTED, CLOSED, FORKED. */
    leaselock_status (*pause)(const leaselock_call *call, int64_t microseconds);
};

/** One lease that something is to be done with. */
typedef struct leaselock_claim {
    const char *resource;
    const char *client;
    const char *acquisition; /**< 32 lower-case hexadecimal digits, the same in every retry and renewal */
    int64_t sequence;        /**< renew and release: the granted one */
    int64_t ttl_ms;          /**< obtain: how long to grant */
} leaselock_claim;

typedef enum leaselock_outcome_kind {
    LEASELOCK_OUTCOME_NONE = 0, /**< obtain: free, but another of the array was not; nothing was changed */
    /** obtain: ours, now or by an earlier try with this acquisition; remaining may be used up */
    LEASELOCK_OUTCOME_GRANTED,
    /** obtain: held; client, sequence and remaining are the holder's, 0: somebody is at what he had */
    LEASELOCK_OUTCOME_BUSY,
    LEASELOCK_OUTCOME_SPENT,    /**< obtain: this acquisition was granted and released before; nothing was changed */
    LEASELOCK_OUTCOME_RENEWED,  /**< renew: remaining is the whole ttl again */
    /** renew: not ours any more; client and sequence are the successor's, client "" if released */
    LEASELOCK_OUTCOME_LOST,
    LEASELOCK_OUTCOME_RELEASED, /**< release: released, now or by an earlier try */
    LEASELOCK_OUTCOME_NOT_OURS, /**< release: somebody else was granted since, or there is no such lease */
    LEASELOCK_OUTCOME_UNKNOWN   /**< renew of several: nothing can be said of this one yet; the others are told */
} leaselock_outcome_kind;

typedef struct leaselock_outcome {
    leaselock_outcome_kind kind;
    int64_t sequence;
    int64_t asked_ms;     /**< the caller's boot clock just before the request that was answered */
    int64_t remaining_ms; /**< by the engine's clock, when it answered */
    int64_t ttl_ms;       /**< GRANTED, RENEWED: of the grant */
    int64_t expires_at_ms; /**< UTC by the engine's clock */
    char client[LEASELOCK_ID_MAX + 1];
} leaselock_outcome;

/** One row for `list`. */
typedef struct leaselock_row {
    const char *resource;
    const char *client;
    int64_t sequence;
    int64_t ttl_ms;
    int64_t remaining_ms; /**< 0 or less: expired */
    int64_t expires_at_ms;
    bool released;
} leaselock_row;

/** OK to go on; anything else ends the listing and is returned by it. */
typedef leaselock_status (*leaselock_row_visitor)(const leaselock_row *row, void *payload);

/** One step of the engine's own schema, as golang-migrate numbers them. */
typedef struct leaselock_schema_step {
    int64_t version;
    const char *name;
    const char *up_sql;
    const char *down_sql;
} leaselock_schema_step;

/** A version table. Names go into statements as they are. */
typedef struct leaselock_version_table {
    const char *name;
    const char *index; /**< of its unique index, where the engine needs one */
} leaselock_version_table;

typedef enum leaselock_version_kind {
    LEASELOCK_VERSION_NONE = 0,  /**< no table, or no row: version is -1 */
    LEASELOCK_VERSION_ROW,       /**< version (-1 or more) and dirty */
    LEASELOCK_VERSION_MANY,      /**< more than one row */
    LEASELOCK_VERSION_UNREADABLE, /**< one row that holds no version; detail says why */
    LEASELOCK_VERSION_FOREIGN    /**< not golang-migrate's table; detail says why */
} leaselock_version_kind;

/** What a version table says. Dirty or foreign is data here: the runner decides. */
typedef struct leaselock_version_row {
    leaselock_version_kind kind;
    int64_t version;
    bool dirty;
    char detail[160];
} leaselock_version_row;

/** A migration's body. `text` has a NUL behind its `size` bytes and none inside. */
typedef struct leaselock_script {
    const char *name; /**< of its file, for messages */
    const char *text;
    size_t size;
    /* what examine() finds */
    size_t begin, end;     /**< the part to run */
    bool outside;          /**< cannot run in the runner's transaction: run() is called without begin() */
    bool wrapped;          /**< outside, and begins inside a transaction that it ends itself */
    bool check_foreign_keys; /**< foreign keys are off while it runs, and checked before its commit */
    bool empty;            /**< nothing but comments */
    /* where examine() or run() failed; 0: nobody can tell */
    size_t failed_at; /**< offset of the byte, plus 1 */
} leaselock_script;

/** What open() was told about migrations. Zero, NULL: nothing. Borrowed from the connection. */
typedef struct leaselock_migration_settings {
    const char *table;
    int64_t wait_ms;
} leaselock_migration_settings;

/**
 * What migrations need of a database: the second table of an engine. Same lock rule, same statuses.
 * The runner's order: read_version · examine · begin · read_version · create_table · run · write_version · commit; for
 * a script that is `outside`: exclude before it, readmit behind it, and run between two such transactions.
 */
typedef struct leaselock_migration_slots {
    /**
     * MUST (an installation has none, and no settings and drop). Connects for a user's own
     * migrations: installs and converts nothing, leaves settings as the client library has them. Closed by the engine's
     * close. `table` is the version table's name, NULL where the URL decides. `borrowed` is an open connection of the
     * client library to use instead, NULL to connect: never closed, left as it was found by every commit, rollback and
     * drop. Specific: as the engine's open; on a borrowed one each slot may answer INVALID (it is in a transaction of
     * its owner's).
     */
    leaselock_status (*open)(const char *url, const char *table, void *borrowed, const leaselock_call *,
                             leaselock_connection **out);
    /** Never fails. */
    void (*settings)(leaselock_connection *, leaselock_migration_settings *);
    /** MUST. Inside or outside of a transaction; changes nothing. */
    leaselock_status (*read_version)(leaselock_connection *, const leaselock_version_table *, const leaselock_call *,
                                     leaselock_version_row *);
    /** MUST. Reads the script, no database: fills its fields. Specific: BAD_MIGRATION. */
    leaselock_status (*examine)(leaselock_connection *, leaselock_script *);
    /**
     * MAY (NULL: nothing of the kind lasts longer than a transaction). Keeps other runners out until readmit(), over
     * several transactions and while a script runs outside of any. Specific: INVALID (this connection cannot). Where
     * there is such a slot, begin() and this one keep golang-migrate out, too.
     */
    leaselock_status (*exclude)(leaselock_connection *, const leaselock_call *);
    /** MUST where there is exclude. Never fails, keeps the error record; after a failed exclude, too. */
    void (*readmit)(leaselock_connection *);
    /**
     * MUST. Starts a transaction that excludes every other writer, durable when committed; as the script wants it, NULL
     * for none.
     */
    leaselock_status (*begin)(leaselock_connection *, const leaselock_script *, const leaselock_call *);
    /** MUST. Inside it: creates the version table where it is missing. */
    leaselock_status (*create_table)(leaselock_connection *, const leaselock_version_table *);
    /**
     * MUST. Runs an examined script, inside a transaction of begin() unless it is `outside`. Ends soon after
     * call->pause(call, 0) says so, and returns that. Specific: MIGRATION_FAILED; FOREIGN_TABLES where it makes what is
     * there already (own schema). MIGRATION_FAILED with `outside` set by it: all is to be rolled back, and the script
     * run outside instead.
     */
    leaselock_status (*run)(leaselock_connection *, leaselock_script *, const leaselock_call *);
    /**
     * MUST. Inside a transaction: replaces the one row; none for version -1 that is not dirty. Specific:
     * MIGRATION_FAILED (what the user has made of the table does not let it).
     */
    leaselock_status (*write_version)(leaselock_connection *, const leaselock_version_table *, int64_t version,
                                      bool dirty);
    /** MUST. Specific: MIGRATION_FAILED (the script's work cannot be committed). */
    leaselock_status (*commit)(leaselock_connection *, const leaselock_call *);
    /**
     * MUST. Never fails, keeps the error record; a no-op without a transaction. Afterwards no setting of a script is
     * left.
     */
    void (*rollback)(leaselock_connection *);
    /** Drops all but leaselock's own tables, in one transaction; *dropped counts. Specific: MIGRATION_FAILED. */
    leaselock_status (*drop)(leaselock_connection *, const leaselock_call *, int64_t *dropped);
} leaselock_migration_slots;

typedef struct leaselock_engine {
    size_t struct_size;
    const char *name;
    /** Schemes of its URLs, without the colon; the last one is NULL. */
    const char *const *schemes;
    /** The leases' deadlines follow leaselock/sys/probes.h, so that a test moves them; else a test must wait. */
    bool follows_probes;

    /**
     * MUST. Connects; reads what it needs to refuse what it must refuse; changes nothing, but may create an empty
     * database. The URL's scheme is one of its own. Specific: INVALID (the URL), NOT_FOUND, DIRECTORY, NOT_A_DATABASE,
     * NETWORK_FILE_SYSTEM, FORKED.
     */
    leaselock_status (*open)(const char *url, const leaselock_call *, leaselock_connection **out);
    /**
     * MAY (NULL: the engine creates and converts nothing, and open will do). The same for a database that is to stay as
     * it is: one that does not exist is NOT_FOUND, and start answers NO_TABLES where it would have to convert it.
     */
    leaselock_status (*open_existing)(const char *url, const leaselock_call *, leaselock_connection **out);
    /** MUST. One more connection to the same database, ready like the first. Called with the first one's mutex held. */
    leaselock_status (*open_again)(leaselock_connection *, const leaselock_call *, leaselock_connection **out);
    /** MUST. Closes without waiting and without a statement. NULL is a no-op. Never called in a forked child. */
    void (*close)(leaselock_connection *);

    /**
     * MAY. The engine's own tables, in ascending order, the end has version 0; applied by the core's runner after open.
     */
    const leaselock_schema_step *schema;
    /** MAY. What else start needs of a database where the steps were run by another tool; for messages. */
    const char *schema_hint;
    /** MUST where there is a schema: how that is applied. */
    const leaselock_migration_slots *installation;
    /** MAY (NULL: SCHEME). A user's own migrations. */
    const leaselock_migration_slots *migrations;
    /**
     * MUST. Called once, after the schema is in place: checks that the tables are ours, makes the connection ready.
     * Specific: FOREIGN_TABLES, NO_TABLES.
     */
    leaselock_status (*start)(leaselock_connection *, const leaselock_call *);

    /**
     * MUST. All or nothing. A resource that is not held (never granted, released, or its deadline passed) is granted
     * with sequence = max(its last, the floor) + 1, drawn after the row is won. A claim whose acquisition is the row's
     * own finds its grant again, with what is left of it (GRANTED), or SPENT when that was released. A try that finds a
     * holder writes nothing.
     * Outcomes: GRANTED, or for all of the array BUSY, SPENT and NONE. Specific status: EXHAUSTED.
     */
    leaselock_status (*obtain)(leaselock_connection *, const leaselock_claim *, size_t count, const leaselock_call *,
                               leaselock_outcome *);
    /**
     * MUST. Each by itself, all in one transaction. Where resource, client, acquisition and sequence are the row's and
     * it is not released: deadline = max(deadline, now + the grant's ttl), even if it had passed. RENEWED or LOST; in
     * an array of several also UNKNOWN, so that one row that is locked for a while does not take the others' news away.
     */
    leaselock_status (*renew)(leaselock_connection *, const leaselock_claim *, size_t count, const leaselock_call *,
                              leaselock_outcome *);
    /**
     * MUST. Each by itself. Compares the same four; the row stays, with its sequence. A release found already done by
     * the same four is RELEASED again. RELEASED or NOT_OURS.
     */
    leaselock_status (*release)(leaselock_connection *, const leaselock_claim *, size_t count, const leaselock_call *,
                                leaselock_outcome *);
    /** MUST. Every row, or the one of `resource` where that is not NULL, sorted by resource in byte order. */
    leaselock_status (*list)(leaselock_connection *, const char *resource, const leaselock_call *,
                             leaselock_row_visitor, void *payload);
    /** MUST. floor = max(floor, the given); durable. Specific: EXHAUSTED. */
    leaselock_status (*raise_floor)(leaselock_connection *, int64_t floor, const leaselock_call *, int64_t *out);
    /**
     * MAY (NULL: the core polls). Waits, outside the connection's mutex and at most `microseconds`, until `sequence` no
     * longer holds the resource; it may return early. OK, or what call->pause returned.
     */
    leaselock_status (*watch)(leaselock_connection *, const char *resource, int64_t sequence, const leaselock_call *,
                              int64_t microseconds);
} leaselock_engine;

#ifdef __cplusplus
}
#endif

#endif
