/*
 * The interface of every language: flat functions on handles. What scripts see is written by hand on top of it, in
 * bindings/. A language's own typemaps (handles, strings, integers, seconds, status) are in handles_<language>.i, which
 * defines the macros %handle(type, name, free) and %blocking(function).
 *
 * The module's name comes from the command line:
 *   swig -python -noproxy -module _core …                      → leaselock/_core.so
 *   swig -lua -nomoduleglobal -module leaselock_core …         → leaselock/core.so
 */
%module(threads="1") leaselock_core
%begin %{
#include <stdbool.h>
#include <stdint.h>
%}
%{
#include <limits.h>
#include <math.h>
#include <string.h>

#include "leaselock.h"
#include "leaselock/sys/probes.h"

/* How seconds of a script become milliseconds; the typemaps of these three hold the rules, in one place per language. */
typedef int64_t ll_ttl;     /* None, nil: the default (0). Else more than 0, finite */
typedef int64_t ll_wait;    /* None, nil: no overall wait (0). 0 counts as 1 ms. Infinity: for ever */
typedef int64_t ll_timeout; /* None, nil, infinity: for ever. 0: do not wait */
typedef int64_t ll_delay;   /* 0 or more, finite */
%}
%include <stdint.i>
typedef int64_t ll_ttl;
typedef int64_t ll_wait;
typedef int64_t ll_timeout;
typedef int64_t ll_delay;

/* leaselock_ and ll_ are C's prefixes; in a script the module is the prefix. */
%rename("%(regex:/^(leaselock_|ll_)(.*)/\\2/)s") "";

#if defined(SWIGPYTHON)
%include "handles_python.i"
%include "migrations_python.i"
#elif defined(SWIGLUA)
%include "handles_lua.i"
%include "migrations_lua.i"
#else
#error "no handle typemaps for this language"
#endif

%handle(leaselock_lock, Lock, leaselock_lock_free)
%handle(leaselock_lease, Lease, leaselock_lease_free)
%handle(leaselock_backoff, Backoff, leaselock_backoff_free)
%handle(leaselock_listing, Listing, leaselock_listing_free)

/* Which ids may be None, nil. */
%apply const char *NULLABLE { const char *client, const char *only_resource };

/* Whatever may wait, do I/O, or take a mutex that is held during I/O. */
%blocking(leaselock_lock_close)
%blocking(ll_lock_open)
%blocking(ll_lock_obtain)
%blocking(ll_lock_obtain_with_backoff)
%blocking(ll_lock_obtain_with_no_wait)
%blocking(ll_lock_list)
%blocking(leaselock_lock_renew)
%blocking(leaselock_lock_release)
%blocking(leaselock_lock_resume)
%blocking(leaselock_lock_raise_floor)
%blocking(leaselock_lease_keep)
%blocking(ll_lease_renew)
%blocking(ll_lease_release)
%blocking(ll_lease_wait)

/* Structs become scalars, out-parameters that are data become results. */
%inline %{
static leaselock_status ll_lock_open(const char *url, const char *client, ll_ttl ttl, ll_ttl operation,
                                     bool install, leaselock_lock **OUT)
{
    leaselock_lock_options options = {sizeof options, client, ttl, operation, !install};
    return leaselock_lock_open(url, &options, OUT);
}

static leaselock_status ll_lock_obtain(leaselock_lock *lock, const char *resource, const char *client, ll_ttl ttl,
                                       ll_wait wait, leaselock_lease **OUT)
{
    leaselock_obtain_options options = {sizeof options, ttl, wait};
    return leaselock_lock_obtain(lock, resource, client, &options, OUT);
}

static leaselock_status ll_lock_obtain_with_backoff(leaselock_lock *lock, const char *resource, const char *client,
                                                    leaselock_backoff *any_backoff, ll_ttl ttl, ll_wait wait,
                                                    leaselock_lease **OUT)
{
    leaselock_obtain_options options = {sizeof options, ttl, wait};
    return leaselock_lock_obtain_with_backoff(lock, resource, client, any_backoff, &options, OUT);
}

static leaselock_status ll_lock_obtain_with_no_wait(leaselock_lock *lock, const char *resource, const char *client,
                                                    ll_ttl ttl, leaselock_lease **OUT)
{
    leaselock_obtain_options options = {sizeof options, ttl, 0};
    return leaselock_lock_obtain_with_no_wait(lock, resource, client, &options, OUT);
}

static leaselock_status ll_lock_list(leaselock_lock *lock, const char *only_resource, bool all, leaselock_listing **OUT)
{
    leaselock_list_options options = {sizeof options, only_resource, all};
    return leaselock_lock_list(lock, &options, OUT);
}

static leaselock_status ll_lease_renew(leaselock_lease *lease)
{
    return leaselock_lock_renew(leaselock_lease_lock(lease), lease);
}

static leaselock_status ll_lease_release(leaselock_lease *lease, bool *ANSWER)
{
    return leaselock_lock_release(leaselock_lease_lock(lease), lease, ANSWER);
}

static leaselock_status ll_lease_wait(leaselock_lease *lease, ll_timeout timeout, leaselock_state *STATE)
{
    return leaselock_lease_wait(lease, timeout, STATE);
}

static leaselock_status ll_backoff_new_exponential(int64_t max_attempts, ll_delay initial, double multiplier,
                                                   leaselock_backoff **OUT)
{
    return leaselock_backoff_new_exponential(max_attempts, initial, multiplier, OUT);
}
%}

/* The plain part of the C API. Getters neither fail nor wait. */
typedef int leaselock_state;
const char *leaselock_version(void);

leaselock_status leaselock_lock_close(leaselock_lock *lock);
leaselock_status leaselock_lock_interrupt(leaselock_lock *lock);
leaselock_status leaselock_lock_renew(leaselock_lock *lock, leaselock_lease *lease);
leaselock_status leaselock_lock_release(leaselock_lock *lock, leaselock_lease *lease, bool *ANSWER);
leaselock_status leaselock_lock_resume(leaselock_lock *lock, const char *resource, const char *client, int64_t sequence,
                                       const char *acquisition, leaselock_lease **OUT);
leaselock_status leaselock_lock_raise_floor(leaselock_lock *lock, int64_t floor, int64_t *NUMBER);
const char *leaselock_lock_client(const leaselock_lock *lock);

leaselock_status leaselock_lease_keep(leaselock_lease *lease);
const char *leaselock_lease_resource(const leaselock_lease *lease);
const char *leaselock_lease_client(const leaselock_lease *lease);
const char *leaselock_lease_acquisition(const leaselock_lease *lease);
const char *leaselock_lease_lost_to(const leaselock_lease *lease);
int64_t leaselock_lease_sequence(const leaselock_lease *lease);
int64_t leaselock_lease_ttl(const leaselock_lease *lease);
int64_t leaselock_lease_expiry(const leaselock_lease *lease);
int64_t leaselock_lease_remaining(const leaselock_lease *lease);
bool leaselock_lease_valid(const leaselock_lease *lease);
leaselock_state leaselock_lease_state(const leaselock_lease *lease);
const char *leaselock_state_name(leaselock_state state);

leaselock_status leaselock_backoff_new_default(leaselock_backoff **OUT);
leaselock_status leaselock_backoff_new_none(leaselock_backoff **OUT);
leaselock_status leaselock_backoff_start(leaselock_backoff *backoff);
leaselock_status leaselock_backoff_next(leaselock_backoff *backoff, int64_t *NUMBER);
leaselock_status leaselock_backoff_attempts(leaselock_backoff *backoff, int64_t *NUMBER);
leaselock_status leaselock_backoff_max_attempts(leaselock_backoff *backoff, int64_t *NUMBER);

size_t leaselock_listing_count(const leaselock_listing *listing);
const char *leaselock_listing_resource(const leaselock_listing *listing, size_t index);
const char *leaselock_listing_client(const leaselock_listing *listing, size_t index);
int64_t leaselock_listing_sequence(const leaselock_listing *listing, size_t index);
int64_t leaselock_listing_ttl(const leaselock_listing *listing, size_t index);
int64_t leaselock_listing_remaining(const leaselock_listing *listing, size_t index);
int64_t leaselock_listing_expiry(const leaselock_listing *listing, size_t index);
leaselock_state leaselock_listing_state(const leaselock_listing *listing, size_t index);

%include "migrations.i"

/* For tests of scripts. */
void leaselock_test_clock_start(int64_t boot_ms, int64_t wall_ms);
void leaselock_test_clock_advance(int64_t ms);
void leaselock_test_clock_step_wall(int64_t ms);
void leaselock_test_clock_stop(void);
