/* A lock whose keeper renews leases on the test clock, and what its tests have in common. */
#ifndef UNIT_KEPT_H
#define UNIT_KEPT_H

#include "support/fake_lock.h"

enum { TTL_MS = 30000, MARGIN_MS = 600, EARLIEST_MS = 8000, LATEST_MS = 10000 };

extern leaselock_lock *lock, *rival;
extern int kept; /* leases that the keeper has */

int keeper_setup(void **state);
int keeper_teardown(void **state);
#define KEEPER_TEST(name) cmocka_unit_test_setup_teardown(name, keeper_setup, keeper_teardown)

/* How many calls for renewals the engine has had. */
size_t renewals(void);
/* Time for the keeper to do what it must not do; it looks at the test clock every millisecond. */
void settle(void);
/* Waits until the keeper has made that many plans for next renewals; then the clock may go on. */
void await_plans(uint64_t plans, leaselock_lease *lease);
/* Has the lease kept. */
void keep(leaselock_lease *lease);
/* All kept leases are due; when this is over, each has its whole ttl again, and a plan. */
void renew_all(leaselock_lease *lease);
/* A lease that the keeper has just renewed: the next renewal is an interval from now. */
leaselock_lease *keep_renewed(const char *resource);
/* The one kept lease is asked for after exactly this time, and not a millisecond earlier. */
void assert_next_renewal_in(int64_t ms);
/* The same, and then a new plan is made. */
void assert_renewed_in(int64_t ms, leaselock_lease *lease);
/* Ends the keeper's lease from elsewhere, as `release --force` does. */
void release_by_twin(const leaselock_lease *lease);

#endif
