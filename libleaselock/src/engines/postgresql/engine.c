/* The PostgreSQL engine's table: leases for many hosts. */
#include "engines/postgresql/migrate.h"
#include "engines/postgresql/schema.h"

static const char *const schemes[] = {"postgresql", "postgres", NULL};

const leaselock_engine ll_engine_postgresql = {
    .struct_size = sizeof(leaselock_engine),
    .name = "postgresql",
    .schemes = schemes,
    .open = ll_pg_open,
    .open_again = ll_pg_open_again,
    .close = ll_pg_close,
    .schema = ll_postgresql_schema,
    .installation = &ll_pg_installation,
    .migrations = &ll_pg_migrations,
    .start = ll_pg_start,
    .obtain = ll_pg_obtain,
    .renew = ll_pg_renew,
    .release = ll_pg_release,
    .list = ll_pg_list,
    .raise_floor = ll_pg_raise_floor,
};
