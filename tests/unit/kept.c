#include "unit/kept.h"

#include "leaselock/sys/probes.h"
#include "support/allocator.h"

leaselock_lock *lock, *rival;
int kept;

int keeper_setup(void **state)
{
    fake_setup(state);
    fake_choose_jitter(0);
    kept = 0;
    lock = fake_lock_open(TTL_MS, 0);
    rival = fake_rival_open();
    return 0;
}

int keeper_teardown(void **state)
{
    if (lock)
        end_lock(lock);
    end_lock(rival);
    return fake_teardown(state);
}

size_t renewals(void)
{
    return fake_calls(FAKE_RENEW);
}

void settle(void)
{
    real_sleep(20);
}

void await_plans(uint64_t plans, leaselock_lease *lease)
{
    assert_eventually(fake_pauses_chosen() == plans);
    assert_ok(leaselock_lease_keep(lease)); /* does nothing, but under the keeper's mutex: the plan is written down */
}

void keep(leaselock_lease *lease)
{
    assert_ok(leaselock_lease_keep(lease));
    kept++;
}

void renew_all(leaselock_lease *lease)
{
    uint64_t plans = fake_pauses_chosen() + (uint64_t)kept;
    size_t before = renewals();
    leaselock_test_clock_advance(LATEST_MS);
    await_plans(plans, lease);
    assert_int_equal(renewals(), before + 1);
    assert_int_equal(leaselock_lease_remaining(lease), TTL_MS - MARGIN_MS);
}

leaselock_lease *keep_renewed(const char *resource)
{
    leaselock_lease *lease = obtain_now(lock, resource, NULL, 0);
    keep(lease);
    renew_all(lease);
    return lease;
}

void assert_next_renewal_in(int64_t ms)
{
    size_t before = renewals();
    leaselock_test_clock_advance(ms - 1);
    settle();
    assert_int_equal(renewals(), before);
    leaselock_test_clock_advance(1);
    assert_eventually(renewals() == before + 1);
}

void assert_renewed_in(int64_t ms, leaselock_lease *lease)
{
    uint64_t plans = fake_pauses_chosen() + 1;
    assert_next_renewal_in(ms);
    await_plans(plans, lease);
}

void release_by_twin(const leaselock_lease *lease)
{
    leaselock_lease *twin;
    assert_ok(leaselock_lock_resume(rival, leaselock_lease_resource(lease), leaselock_lease_client(lease),
                                    leaselock_lease_sequence(lease), leaselock_lease_acquisition(lease), &twin));
    release_now(twin);
}
