#include "support/fake_engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

enum { FAULTS_MAX = 64, CALLS_MAX = 4096 };

extern const leaselock_engine ll_engine_memory;
extern const leaselock_engine ll_engine_fake;

struct leaselock_connection {
    leaselock_connection *memory;
};

typedef struct slot_state {
    fake_fault faults[FAULTS_MAX];
    size_t fault_count, faults_used;
    fake_fault always;
    fake_call calls[CALLS_MAX];
    size_t call_count;
} slot_state;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static slot_state slots[FAKE_SLOT_COUNT];

void fake_reset(void)
{
    pthread_mutex_lock(&mutex);
    memset(slots, 0, sizeof slots);
    pthread_mutex_unlock(&mutex);
}

void fake_next(fake_slot slot, fake_fault fault)
{
    pthread_mutex_lock(&mutex);
    assert(slots[slot].fault_count < FAULTS_MAX);
    slots[slot].faults[slots[slot].fault_count++] = fault;
    pthread_mutex_unlock(&mutex);
}

void fake_always(fake_slot slot, fake_fault fault)
{
    pthread_mutex_lock(&mutex);
    slots[slot].always = fault;
    pthread_mutex_unlock(&mutex);
}

size_t fake_calls(fake_slot slot)
{
    pthread_mutex_lock(&mutex);
    size_t count = slots[slot].call_count;
    pthread_mutex_unlock(&mutex);
    return count;
}

fake_call fake_call_at(fake_slot slot, size_t index)
{
    pthread_mutex_lock(&mutex);
    assert(index < slots[slot].call_count);
    fake_call call = slots[slot].calls[index];
    pthread_mutex_unlock(&mutex);
    return call;
}

/* Notes the call, and answers what is to go wrong with it. */
static fake_fault enter(fake_slot slot, const leaselock_claim *claims, size_t count, const leaselock_call *given)
{
    fake_call call = {.count = count, .at_ms = ll_clock_boot(), .thread = pthread_self()};
    call.until_ms = given ? given->until_ms : 0;
    pthread_sigmask(SIG_SETMASK, NULL, &call.blocked);
    if (count > 0) {
        ll_text_copy(call.acquisition, sizeof call.acquisition, claims[0].acquisition);
        call.sequence = claims[0].sequence;
    }
    pthread_mutex_lock(&mutex);
    slot_state *state = &slots[slot];
    fake_fault fault = state->faults_used < state->fault_count ? state->faults[state->faults_used++] : state->always;
    assert(state->call_count < CALLS_MAX);
    state->calls[state->call_count++] = call;
    pthread_mutex_unlock(&mutex);
    if (fault.before)
        fault.before(fault.payload);
    if (fault.refused != LEASELOCK_OK)
        ll_error_set(fault.refused, "the fake engine refuses");
    return fault;
}

static leaselock_status leave(const fake_fault *fault, leaselock_status status)
{
    if (fault->after)
        fault->after(fault->payload);
    return fault->lost_reply ? ll_error_set(fault->lost_reply, "the fake engine's reply was lost") : status;
}

static leaselock_status wrap(leaselock_connection *memory, leaselock_connection **out)
{
    leaselock_connection *connection = malloc(sizeof *connection);
    assert(connection);
    connection->memory = memory;
    *out = connection;
    return LEASELOCK_OK;
}

static leaselock_status fake_open(const char *url, const leaselock_call *call, leaselock_connection **out)
{
    fake_fault fault = enter(FAKE_OPEN, NULL, 0, call);
    if (fault.refused)
        return fault.refused;
    char behind[128];
    snprintf(behind, sizeof behind, "memory:%s", strchr(url, ':') + 1);
    leaselock_connection *memory;
    leaselock_status status = ll_engine_memory.open(behind, call, &memory);
    return leave(&fault, status == LEASELOCK_OK ? wrap(memory, out) : status);
}

static leaselock_status fake_open_again(leaselock_connection *connection, const leaselock_call *call,
                                        leaselock_connection **out)
{
    fake_fault fault = enter(FAKE_OPEN_AGAIN, NULL, 0, call);
    if (fault.refused)
        return fault.refused;
    leaselock_connection *memory;
    leaselock_status status = ll_engine_memory.open_again(connection->memory, call, &memory);
    return leave(&fault, status == LEASELOCK_OK ? wrap(memory, out) : status);
}

static void fake_close(leaselock_connection *connection)
{
    if (!connection)
        return;
    fake_fault fault = enter(FAKE_CLOSE, NULL, 0, NULL);
    ll_engine_memory.close(connection->memory);
    free(connection);
    leave(&fault, LEASELOCK_OK);
}

static leaselock_status fake_start(leaselock_connection *connection, const leaselock_call *call)
{
    fake_fault fault = enter(FAKE_START, NULL, 0, call);
    if (fault.refused)
        return fault.refused;
    return leave(&fault, ll_engine_memory.start(connection->memory, call));
}

typedef leaselock_status (*array_slot)(leaselock_connection *, const leaselock_claim *, size_t, const leaselock_call *,
                                       leaselock_outcome *);

/* Obtain, renew and release over the wire: what was asked when is what the caller's side knows. */
static leaselock_status over_the_wire(fake_slot slot, array_slot memory_slot, leaselock_connection *connection,
                                      const leaselock_claim *claims, size_t count, const leaselock_call *call,
                                      leaselock_outcome *outcomes)
{
    int64_t asked_ms = ll_clock_boot();
    fake_fault fault = enter(slot, claims, count, call);
    if (fault.refused)
        return fault.refused;
    leaselock_outcome *answers = malloc(count * sizeof *answers);
    assert(answers);
    leaselock_test_clock_advance(fault.request_ms);
    leaselock_status status = memory_slot(connection->memory, claims, count, call, answers);
    leaselock_test_clock_advance(fault.reply_ms);
    status = leave(&fault, status);
    for (size_t i = 0; i < count && status == LEASELOCK_OK; i++) {
        outcomes[i] = answers[i];
        outcomes[i].asked_ms = asked_ms;
        if (fault.unknown && strcmp(fault.unknown, claims[i].resource) == 0)
            outcomes[i].kind = LEASELOCK_OUTCOME_UNKNOWN;
    }
    free(answers);
    return status;
}

static leaselock_status fake_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                    const leaselock_call *call, leaselock_outcome *outcomes)
{
    return over_the_wire(FAKE_OBTAIN, ll_engine_memory.obtain, connection, claims, count, call, outcomes);
}

static leaselock_status fake_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                   const leaselock_call *call, leaselock_outcome *outcomes)
{
    return over_the_wire(FAKE_RENEW, ll_engine_memory.renew, connection, claims, count, call, outcomes);
}

static leaselock_status fake_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                     const leaselock_call *call, leaselock_outcome *outcomes)
{
    return over_the_wire(FAKE_RELEASE, ll_engine_memory.release, connection, claims, count, call, outcomes);
}

static leaselock_status fake_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                                  leaselock_row_visitor visit, void *payload)
{
    fake_fault fault = enter(FAKE_LIST, NULL, 0, call);
    if (fault.refused)
        return fault.refused;
    return leave(&fault, ll_engine_memory.list(connection->memory, resource, call, visit, payload));
}

static leaselock_status fake_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                         int64_t *out)
{
    fake_fault fault = enter(FAKE_RAISE_FLOOR, NULL, 0, call);
    if (fault.refused)
        return fault.refused;
    return leave(&fault, ll_engine_memory.raise_floor(connection->memory, floor, call, out));
}

static const char *const schemes[] = {"fake", NULL};

const leaselock_engine ll_engine_fake = {
    .struct_size = sizeof(leaselock_engine),
    .name = "fake",
    .schemes = schemes,
    .follows_probes = true,
    .open = fake_open,
    .open_again = fake_open_again,
    .close = fake_close,
    .start = fake_start,
    .obtain = fake_obtain,
    .renew = fake_renew,
    .release = fake_release,
    .list = fake_list,
    .raise_floor = fake_raise_floor,
};
