#include "migrate/runs.h"

#include <string.h>

void end_migrations(leaselock_migrations *migrations)
{
    assert_ok(leaselock_migrations_close(migrations));
    leaselock_migrations_free(migrations);
}

void assert_run(leaselock_status status, leaselock_migration_result *result, leaselock_migration_kind kind, int64_t to)
{
    assert_ok(status);
    assert_string_equal(leaselock_migration_kind_name(leaselock_migration_result_kind(result)),
                        leaselock_migration_kind_name(kind));
    assert_int_equal(leaselock_migration_result_to(result), to);
    leaselock_migration_result_free(result);
}

void assert_goes(leaselock_status (*go)(leaselock_migrations *, leaselock_migration_result **),
                 leaselock_migrations *migrations, leaselock_migration_kind kind, int64_t to)
{
    leaselock_migration_result *result = NULL;
    leaselock_status status = go(migrations, &result);
    assert_run(status, result, kind, to);
}

void assert_version(leaselock_migrations *migrations, int64_t version, bool dirty)
{
    int64_t found;
    bool found_dirty;
    assert_ok(leaselock_migrations_version(migrations, &found, &found_dirty));
    assert_int_equal(found, version);
    assert_int_equal(found_dirty, dirty);
}

void assert_message(const char *part)
{
    if (!strstr(leaselock_error_last()->message, part))
        fail_msg("\"%s\" is not in: %s", part, leaselock_error_last()->message);
}
