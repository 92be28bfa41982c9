/* The SQLite engine's table: leases for every process of one host. */
#include "engines/sqlite/schema.h"
#include "engines/sqlite/sqlite.h"

/* golang-migrate says sqlite3 */
static const char *const schemes[] = {"sqlite", "sqlite3", NULL};

const leaselock_engine ll_engine_sqlite = {
    .struct_size = sizeof(leaselock_engine),
    .name = "sqlite",
    .schemes = schemes,
    .follows_probes = true,
    .open = ll_sqlite_open,
    .open_existing = ll_sqlite_open_existing,
    .open_again = ll_sqlite_open_again,
    .close = ll_sqlite_close,
    .schema = ll_sqlite_schema,
    .schema_hint = "PRAGMA journal_mode = WAL",
    .installation = &ll_sqlite_migrations,
    .migrations = &ll_sqlite_migrations,
    .start = ll_sqlite_start,
    .obtain = ll_sqlite_obtain,
    .renew = ll_sqlite_renew,
    .release = ll_sqlite_release,
    .list = ll_sqlite_list,
    .raise_floor = ll_sqlite_raise_floor,
};
