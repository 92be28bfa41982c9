/* leaselock_conformance URL: every promise of an engine, and of the library on it. */
#include <stdio.h>

#include "conformance/conformance.h"
#include "core/engines.h"
#include "support/allocator.h"

const char *suite_url;
const leaselock_engine *suite_engine;

int main(int count, char **arguments)
{
    if (count != 2 || ll_engine_for_url(arguments[1], &suite_engine) != LEASELOCK_OK) {
        fprintf(stderr, "usage: %s URL\n%s\n", arguments[0], leaselock_error_last()->message);
        return 64;
    }
    suite_url = arguments[1];
    allocator_install();
    int failures = run_engine_obtain() + run_engine_renew() + run_engine_release() + run_engine_list();
    if (suite_engine->schema)
        failures += run_engine_schema();
    if (suite_engine->watch)
        failures += run_engine_watch();
    failures += run_engine_race() + run_lock_obtain() + run_lock_backoff() + run_lock_lease() + run_lock_keep() + run_lock_wait();
    failures += run_lock_list() + run_lock_input() + run_lock_handles() + run_lock_memory() + run_lock_threads();
    failures += run_engine_floor(); /* the last: it uses the numbers up */
    return failures ? 1 : 0;
}
