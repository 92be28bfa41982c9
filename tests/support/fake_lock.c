#include "support/fake_lock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "leaselock/sys/probes.h"

static int database_number;
static _Atomic uint64_t jitter_chosen, pauses_chosen, ids_chosen;

/* Jitter is asked for as 8 bytes; acquisition ids as 16, and they must differ. */
static int chosen_random(void *payload, void *bytes, size_t count)
{
    (void)payload;
    uint64_t words[2] = {0, 0};
    if (count == sizeof *words) {
        words[0] = jitter_chosen;
        pauses_chosen++;
    } else {
        words[0] = ++ids_chosen;
    }
    memcpy(bytes, words, count);
    return 0;
}

void fake_choose_jitter(uint64_t jitter)
{
    static const leaselock_probes probes = {.struct_size = sizeof probes, .random = chosen_random};
    jitter_chosen = jitter;
    pauses_chosen = 0;
    leaselock_probes_set(&probes);
}

uint64_t fake_pauses_chosen(void)
{
    return pauses_chosen;
}

int fake_setup(void **state)
{
    (void)state;
    database_number++;
    fake_reset();
    leaselock_test_clock_start(FAKE_BOOT_MS, FAKE_WALL_MS);
    return 0;
}

int fake_teardown(void **state)
{
    (void)state;
    leaselock_test_clock_stop();
    leaselock_probes_set(NULL);
    return 0;
}

static leaselock_lock *open_scheme(const char *scheme, const leaselock_lock_options *options)
{
    char url[64];
    leaselock_lock *lock = NULL;
    snprintf(url, sizeof url, "%s:fake-%d", scheme, database_number);
    assert_ok(leaselock_lock_open(url, options, &lock));
    return lock;
}

leaselock_lock *fake_lock_open(int64_t ttl_ms, int64_t operation_ms)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .client = "holder",
                                            .ttl_ms = ttl_ms, .operation_ms = operation_ms};
    return open_scheme("fake", &options);
}

leaselock_lock *fake_rival_open(void)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .client = "rival"};
    return open_scheme("memory", &options);
}

leaselock_lease *obtain_now(leaselock_lock *lock, const char *resource, const char *client, int64_t ttl_ms)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = ttl_ms};
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, resource, client, &options, &lease));
    return lease;
}

void release_now(leaselock_lease *lease)
{
    bool was_ours = false;
    assert_ok(leaselock_lock_release(leaselock_lease_lock(lease), lease, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(lease);
}

bool is_free(leaselock_lock *rival, const char *resource)
{
    leaselock_lease *lease;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(rival, resource, NULL, NULL, &lease);
    if (status == LEASELOCK_BUSY)
        return false;
    assert_ok(status);
    release_now(lease);
    return true;
}

void end_lock(leaselock_lock *lock)
{
    assert_ok(leaselock_lock_close(lock));
    leaselock_lock_free(lock);
}
