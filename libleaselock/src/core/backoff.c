#include "core/backoff.h"

#include <math.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

const leaselock_backoff ll_backoff_default = {
    .max_attempts = 3, .initial_ms = 1000, .multiplier = 1.5, .in_use = ATOMIC_FLAG_INIT};
const leaselock_backoff ll_backoff_none = {.multiplier = 1.0, .in_use = ATOMIC_FLAG_INIT};

static leaselock_status new_from(const leaselock_backoff *model, leaselock_backoff **out)
{
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    leaselock_backoff *backoff = ll_alloc(sizeof *backoff);
    if (!backoff)
        return LEASELOCK_NOMEM;
    *backoff = *model;
    backoff->delay_ms = (double)backoff->initial_ms;
    *out = backoff;
    return LEASELOCK_OK;
}

leaselock_status leaselock_backoff_new_default(leaselock_backoff **out)
{
    ll_error_clear();
    return new_from(&ll_backoff_default, out);
}

leaselock_status leaselock_backoff_new_none(leaselock_backoff **out)
{
    ll_error_clear();
    return new_from(&ll_backoff_none, out);
}

leaselock_status leaselock_backoff_new_exponential(int64_t max_attempts, int64_t initial_ms, double multiplier,
                                                   leaselock_backoff **out)
{
    ll_error_clear();
    if (max_attempts < 0 || initial_ms < 0)
        return ll_error_set(LEASELOCK_INVALID, "%s is negative",
                            max_attempts < 0 ? "max_attempts" : "initial interval");
    if (!isfinite(multiplier) || multiplier <= 0)
        return ll_error_set(LEASELOCK_INVALID, "multiplier has to be finite and more than 0");
    leaselock_backoff model = ll_backoff_none;
    model.max_attempts = max_attempts;
    model.initial_ms = initial_ms;
    model.multiplier = multiplier;
    return new_from(&model, out);
}

leaselock_status leaselock_backoff_new_custom(const leaselock_backoff_slots *slots, leaselock_backoff **out)
{
    ll_error_clear();
    if (!slots || slots->struct_size < sizeof *slots)
        return ll_error_set(LEASELOCK_INVALID, slots ? "struct_size of the slots is not set" : "slots is NULL");
    if (!slots->start || !slots->next || !slots->attempts || !slots->max_attempts)
        return ll_error_set(LEASELOCK_INVALID, "a backoff needs start, next, attempts and max_attempts");
    leaselock_backoff model = ll_backoff_none;
    model.is_custom = true;
    model.slots = *slots;
    return new_from(&model, out);
}

/* The record is set after the callback, which may have called the library itself. */
static leaselock_status from_callback(leaselock_status answer, const char *slot)
{
    if (answer == LEASELOCK_OK)
        return LEASELOCK_OK;
    return ll_error_set_native(LEASELOCK_CALLBACK, answer, "the backoff's %s failed", slot);
}

static leaselock_status start(leaselock_backoff *backoff)
{
    if (backoff->is_custom)
        return from_callback(backoff->slots.start(backoff->slots.payload), "start");
    backoff->attempts = 0;
    backoff->delay_ms = (double)backoff->initial_ms;
    return LEASELOCK_OK;
}

/* 2^63 as a double is exact; whatever is not below it saturates. */
static int64_t to_ms(double delay)
{
    return delay < 9223372036854775808.0 ? (int64_t)llround(delay) : INT64_MAX;
}

static leaselock_status next(leaselock_backoff *backoff, int64_t *delay_ms)
{
    if (backoff->is_custom) {
        int64_t answer = LEASELOCK_BACKOFF_END;
        leaselock_status status = from_callback(backoff->slots.next(backoff->slots.payload, &answer), "next");
        if (status != LEASELOCK_OK)
            return status;
        if (answer < 0 && answer != LEASELOCK_BACKOFF_END)
            return ll_error_set(LEASELOCK_CALLBACK, "the backoff's next gave a negative delay");
        *delay_ms = answer;
        return LEASELOCK_OK;
    }
    if (backoff->attempts >= backoff->max_attempts) {
        *delay_ms = LEASELOCK_BACKOFF_END;
        return LEASELOCK_OK;
    }
    *delay_ms = to_ms(backoff->delay_ms);
    backoff->delay_ms *= backoff->multiplier;
    backoff->attempts++;
    return LEASELOCK_OK;
}

static leaselock_status check(const leaselock_backoff *backoff, const void *out)
{
    ll_error_clear();
    if (!backoff || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", backoff ? "out" : "backoff");
    return LEASELOCK_OK;
}

leaselock_status leaselock_backoff_start(leaselock_backoff *backoff)
{
    leaselock_status status = check(backoff, backoff);
    return status == LEASELOCK_OK ? start(backoff) : status;
}

leaselock_status leaselock_backoff_next(leaselock_backoff *backoff, int64_t *delay_ms)
{
    leaselock_status status = check(backoff, delay_ms);
    return status == LEASELOCK_OK ? next(backoff, delay_ms) : status;
}

/* The slot writes to a local: what it wrote before it failed is nobody's business. */
static leaselock_status count_by(leaselock_status (*slot)(void *, int64_t *), void *payload, const char *name,
                                 int64_t *count)
{
    int64_t answer = 0;
    leaselock_status status = from_callback(slot(payload, &answer), name);
    if (status == LEASELOCK_OK)
        *count = answer;
    return status;
}

leaselock_status leaselock_backoff_attempts(leaselock_backoff *backoff, int64_t *count)
{
    leaselock_status status = check(backoff, count);
    if (status != LEASELOCK_OK)
        return status;
    if (backoff->is_custom)
        return count_by(backoff->slots.attempts, backoff->slots.payload, "attempts", count);
    *count = backoff->attempts;
    return LEASELOCK_OK;
}

leaselock_status leaselock_backoff_max_attempts(leaselock_backoff *backoff, int64_t *count)
{
    leaselock_status status = check(backoff, count);
    if (status != LEASELOCK_OK)
        return status;
    if (backoff->is_custom)
        return count_by(backoff->slots.max_attempts, backoff->slots.payload, "max_attempts", count);
    *count = backoff->max_attempts;
    return LEASELOCK_OK;
}

void leaselock_backoff_free(leaselock_backoff *backoff)
{
    if (!backoff)
        return;
    if (backoff->is_custom && backoff->slots.free_payload)
        backoff->slots.free_payload(backoff->slots.payload);
    ll_free(backoff);
}

leaselock_status ll_backoff_walk_begin(ll_backoff_walk *walk, leaselock_backoff *backoff)
{
    if (!backoff->is_custom) {
        /* field by field would miss one some day; the flag of a built-in is never used */
        memcpy(&walk->copy, backoff, sizeof walk->copy);
        walk->backoff = &walk->copy;
        return start(walk->backoff);
    }
    if (atomic_flag_test_and_set(&backoff->in_use))
        return ll_error_set(LEASELOCK_INVALID, "this backoff serves another obtain");
    walk->backoff = backoff;
    leaselock_status status = start(backoff);
    if (status != LEASELOCK_OK)
        ll_backoff_walk_end(walk);
    return status;
}

void ll_backoff_walk_end(ll_backoff_walk *walk)
{
    if (walk->backoff->is_custom)
        atomic_flag_clear(&walk->backoff->in_use);
}
