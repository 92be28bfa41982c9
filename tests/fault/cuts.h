/* Numbers that were handed out before the power went, and what a cut at any moment makes of them. */
#ifndef FAULT_CUTS_H
#define FAULT_CUTS_H

#include "fault/power.h"
#include "sqlite/database.h"

/* Setup and teardown: a folder, the test clock, a boot of its own; what is done to the database is recorded. */
int cuts_setup(void **state);
int cuts_teardown(void **state);
#define WITH_CUTS(name) cmocka_unit_test_setup_teardown(name, cuts_setup, cuts_teardown)

/* More of everything, for those who have the time: LEASELOCK_LONG_TESTS is set. */
bool cuts_are_long(void);

/* The resources r0 to r3: obtains, notes the number in the record, releases. */
leaselock_status cuts_grant(leaselock_lock *lock, int resource);
void cuts_grant_often(leaselock_lock *lock, int resource, int count);

/* The machine's next boot. */
void cuts_reboot(void);

/* What has to be 1 in the database after every cut, beside all that always has to be; for this test alone. */
void cuts_demand(const char *sql);

/*
 * Ends the record, and cuts the power around every sync of it, and at every `stride`th event between, from the event
 * `first` on: with all that was not synced lost, with all of it there, and with what `seeds` random choices leave of
 * it. After each cut the database has to open, to be whole, and to grant numbers above all that had been handed out.
 */
void cuts_check(size_t first, size_t stride, unsigned seeds);

#endif
