#include "support/nomem.h"

#include "support/allocator.h"

/* One run, in which the allocation number `at` fails; true when it did. */
static bool fail_at(const nomem_call *call, size_t at, bool lasting)
{
    size_t before = allocator_alive();
    allocator_fail(at, lasting);
    leaselock_status status = call->run();
    bool failed = allocator_heal();
    if (failed && status != LEASELOCK_NOMEM)
        fail_msg("%s, allocation %zu%s: %s", call->name, at, lasting ? " and all after" : "",
                 leaselock_error_name(status));
    if (failed && leaselock_error_last()->code != LEASELOCK_NOMEM)
        fail_msg("%s, allocation %zu: the record says %s", call->name, at,
                 leaselock_error_name(leaselock_error_last()->code));
    if (failed && allocator_alive() != before)
        fail_msg("%s, allocation %zu: %zu allocations were alive, now %zu", call->name, at, before, allocator_alive());
    if (failed)
        return true;
    assert_status(call->status, status);
    if (call->undo)
        call->undo();
    return false;
}

void nomem_fail_each(const nomem_call *call, bool lasting)
{
    for (size_t at = 1; fail_at(call, at, lasting); at++)
        assert_true(at < 1000);
}
