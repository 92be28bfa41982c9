/* Locks on the fake engine, on the test clock, each test with a database of its own. */
#ifndef SUPPORT_FAKE_LOCK_H
#define SUPPORT_FAKE_LOCK_H

#include "support/check.h"
#include "support/fake_engine.h"

/* Where the test clock begins. */
enum { FAKE_BOOT_MS = 1000000 };
#define FAKE_WALL_MS ((int64_t)1700000000000)

/* Setup and teardown of a test: a new database, no faults, the test clock; afterwards the machine's clock again. */
int fake_setup(void **state);
int fake_teardown(void **state);

/* From here to the teardown the random part of every pause is `jitter`, from the lower end of its range. */
void fake_choose_jitter(uint64_t jitter);
/* How many pauses have been chosen since: the keeper chooses one whenever it plans a lease's next renewal. */
uint64_t fake_pauses_chosen(void);

/* A lock on this test's database, with these times; 0 for the defaults. */
leaselock_lock *fake_lock_open(int64_t ttl_ms, int64_t operation_ms);
/* Another lock on the same database, whose wire nobody cuts. */
leaselock_lock *fake_rival_open(void);

/* One try each, which has to succeed. */
leaselock_lease *obtain_now(leaselock_lock *lock, const char *resource, const char *client, int64_t ttl_ms);
void release_now(leaselock_lease *lease);

/* One try by the rival: true, and released again, when the resource was free. */
bool is_free(leaselock_lock *rival, const char *resource);

/* Closes and frees. */
void end_lock(leaselock_lock *lock);

#endif
