/**
 * A program's configuration: which database, which migrations, how locks behave. YAML, one level of sections:
 *
 *     db:
 *       url: sqlite:app.db          # or engine, host, port, dbname; relative to where the program runs
 *       migrations: ./db/migrations
 *     lock:
 *       ttl: 30                     # seconds
 *       client_id: worker-7
 *       install: false              # only check the tables
 *
 * Keys are named with a dot: "db.url". There are no passwords in it: see leaselock/secrets.h.
 *
 * Threads: an object may be read from several threads, except while leaselock_config_set() changes it.
 */
#ifndef LEASELOCK_CONFIG_H
#define LEASELOCK_CONFIG_H

#include "leaselock/common.h"
#include "leaselock/lock.h"
#include "leaselock/secrets.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leaselock_config leaselock_config;

/** All defaults. @param out yours to free. Specific errors: NOMEM. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_config_new(leaselock_config **out);

/**
 * Reads a file. An unknown key, a key twice and a value of the wrong type are errors; the message names file and line.
 * @param out  yours to free
 * Specific errors: CONFIG, NOT_FOUND, PERMISSION, DIRECTORY, IO. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_config_load(const char *path, leaselock_config **out);

/**
 * The same for a text. @param name what messages call it. Specific errors: CONFIG. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_config_parse(const char *text, size_t size,
                                                                           const char *name, leaselock_config **out);

/** Sets one value, checked like one of a file. Specific errors: CONFIG (no such key, wrong type). Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_config_set(leaselock_config *config, const char *key,
                                                                         const char *value);

/**
 * A value as text, its default where it is not set; NULL where there is neither, or no such key. Borrowed until the
 * next set.
 * Defaults: db.engine postgresql, db.host localhost, db.port 5432, db.dbname postgres, db.migrations /db/migrations,
 * lock.ttl 30, lock.operation 5, lock.install true; none for db.url and lock.client_id. Since 0.1.
 */
LEASELOCK_API const char *leaselock_config_get(const leaselock_config *config, const char *key);

/** The names of all keys, by index; NULL beyond the last. Since 0.1. */
LEASELOCK_API const char *leaselock_config_key(size_t index);

/** Since 0.1. */
LEASELOCK_API void leaselock_config_free(leaselock_config *config);

/**
 * Opens a database of leases as the configuration says: db.url, or db.engine, db.host, db.port and db.dbname with the
 * secrets POSTGRES_USER and POSTGRES_PASSWORD; lock.ttl, lock.client_id, lock.operation and lock.install.
 * @param secrets  borrowed for the call; NULL where none are needed
 * @param out      close it, then free it
 * Specific errors: those of leaselock_lock_open(), SECRET. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_open_config(const leaselock_config *config,
                                                                               leaselock_secrets *secrets,
                                                                               leaselock_lock **out);

#ifdef __cplusplus
}
#endif

#endif
