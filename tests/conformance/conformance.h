/*
 * The conformance suite: one program, one URL, no engine that it knows by name. engine_*.c talk to the engine's table,
 * lock_*.c to the public API. On an engine that follows the probes time is the test's own, else it passes for real.
 */
#ifndef CONFORMANCE_CONFORMANCE_H
#define CONFORMANCE_CONFORMANCE_H

#include "leaselock/sys/engine.h"
#include "support/check.h"

/* What the suite is run against. */
extern const char *suite_url;
extern const leaselock_engine *suite_engine;

/* Each file's tests; the number that failed. */
int run_engine_obtain(void);
int run_engine_renew(void);
int run_engine_release(void);
int run_engine_list(void);
int run_engine_floor(void);
int run_engine_schema(void);
int run_engine_watch(void);
int run_engine_race(void);
int run_lock_obtain(void);
int run_lock_backoff(void);
int run_lock_lease(void);
int run_lock_keep(void);
int run_lock_wait(void);
int run_lock_list(void);
int run_lock_input(void);
int run_lock_handles(void);
int run_lock_memory(void);
int run_lock_threads(void);

/*
 * Setup and teardown of a test of engine_*.c (connection is open, the clock is the test's) and of lock_*.c (lock is
 * open; with the test's clock, or with the machine's). Names of resources and ids of acquisitions are new in every
 * test.
 */
extern leaselock_connection *connection;
int engine_setup(void **state);
int engine_teardown(void **state);
extern leaselock_lock *lock;
int lock_setup(void **state);
int lock_setup_real_time(void **state);
int lock_teardown(void **state);

#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)
#define LOCK_TEST(name) cmocka_unit_test_setup_teardown(name, lock_setup, lock_teardown)
#define REAL_TIME_TEST(name) cmocka_unit_test_setup_teardown(name, lock_setup_real_time, lock_teardown)

/* Lets the engine's time pass. */
void pass_time(int64_t ms);
/* The value is what is expected, or less by the time that a test takes where time passes by itself. */
void assert_about(int64_t value, int64_t expected);

/* This test's own resource with that short name, "17/a". Valid for the test. */
const char *resource(const char *name);
/* This test's own acquisition id number `number`. Valid for the test. */
const char *acquisition(int number);

/* Another connection, ready, as the core makes one. */
leaselock_connection *connect_engine(void);
void disconnect_engine(leaselock_connection *);

/* A call with a generous time. */
const leaselock_call *call(void);

/* The ttl of claims that a test waits for. */
enum { TTL_MS = 1000 };

/* Claims: to obtain, and with the sequence of a grant to renew and release. */
leaselock_claim claim_of(const char *name, const char *client, int acquisition_number);
leaselock_claim with_sequence(leaselock_claim claim, int64_t sequence);

/* One claim each. */
leaselock_outcome obtain_one(leaselock_claim claim);
leaselock_outcome renew_one(leaselock_claim claim);
leaselock_outcome release_one(leaselock_claim claim);
/* Obtained, which has to succeed; the claim then has its sequence. */
leaselock_claim grant(const char *name, const char *client, int acquisition_number);

#define assert_kind(expected, outcome) assert_int_equal((outcome).kind, LEASELOCK_OUTCOME_##expected)

/* All rows of this test's resources as text, one a line; equal while nothing was changed. */
const char *snapshot(void);

/* The API: one try each, which has to succeed. */
leaselock_lock *open_lock(void);
void close_lock(leaselock_lock *);
leaselock_lease *obtain_now(leaselock_lock *, const char *name, const char *client, int64_t ttl_ms);
void release_now(leaselock_lease *);

#endif
