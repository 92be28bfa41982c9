/* leaselock_conformance URL [PART]: every promise of an engine, and of the library on it. */
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "core/engines.h"
#include "support/allocator.h"

const char *suite_url;
const leaselock_engine *suite_engine;

static int run_engine(void)
{
    int failures = run_engine_obtain() + run_engine_renew() + run_engine_release() + run_engine_list();
    if (suite_engine->schema)
        failures += run_engine_schema();
    if (suite_engine->watch)
        failures += run_engine_watch();
    return failures + run_engine_race();
}

static int run_lock(void)
{
    return run_lock_obtain() + run_lock_backoff() + run_lock_wait() + run_lock_input() + run_lock_handles() +
           run_lock_memory() + run_lock_threads();
}

static int run_lease(void)
{
    return run_lock_lease() + run_lock_list();
}

/*
 * In this order in one database: the first finds it new, the last uses the numbers up. Or at once, each in one of its
 * own.
 */
static const struct part {
    const char *name;
    int (*run)(void);
} parts[] = {
    {"engine", run_engine},  {"lock", run_lock},          {"lease", run_lease},
    {"keep", run_lock_keep}, {"floor", run_engine_floor},
};

int main(int count, char **arguments)
{
    if (count < 2 || count > 3 || ll_engine_for_url(arguments[1], &suite_engine) != LEASELOCK_OK) {
        fprintf(stderr, "usage: %s URL [engine|lock|lease|keep|floor]\n%s\n", arguments[0],
                leaselock_error_last()->message);
        return 64;
    }
    suite_url = arguments[1];
    allocator_install();
    int failures = 0, runs = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (count == 2 || strcmp(arguments[2], parts[i].name) == 0) {
            failures += parts[i].run();
            runs++;
        }
    return failures || !runs ? 1 : 0;
}
