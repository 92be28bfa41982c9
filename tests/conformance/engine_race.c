/*
 * All or nothing while others are at it: connections that race for two resources, in both orders, or for one of them.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "leaselock/sys/probes.h"
#include "util/clock.h"
#include "util/wait.h"

enum { RACERS = 4, TRIES = 2000, PAIR = 2 };

typedef struct racer {
    leaselock_connection *connection;
    const char *resources[PAIR];
    size_t wanted; /* of the two: 1 or PAIR */
    int number, grants;
    const char *trouble; /* NULL while all is well */
    pthread_t thread;
} racer;

static leaselock_status pause_racer(const leaselock_call *of, int64_t microseconds)
{
    (void)of;
    ll_word nobody = 0;
    return ll_pause(&nobody, 0, microseconds);
}

/* A row that is held in the racer's name of this try. */
typedef struct search {
    const char *client;
    bool found;
} search;

static leaselock_status look_for(const leaselock_row *row, void *payload)
{
    search *of = payload;
    of->found |= !row->released && strcmp(row->client, of->client) == 0;
    return LEASELOCK_OK;
}

static const char *check_nothing_kept(const racer *self, const char *client, const leaselock_call *by)
{
    search of = {client, false};
    for (size_t i = 0; i < self->wanted; i++)
        if (suite_engine->list(self->connection, self->resources[i], by, look_for, &of) != LEASELOCK_OK)
            return "the listing failed";
    return of.found ? "something was granted to who was told that nothing was" : NULL;
}

static const char *release_all(const racer *self, leaselock_claim *claims, const leaselock_outcome *granted,
                               const leaselock_call *by)
{
    leaselock_outcome outcomes[PAIR];
    for (size_t i = 0; i < self->wanted; i++)
        claims[i].sequence = granted[i].sequence;
    leaselock_status status = suite_engine->release(self->connection, claims, self->wanted, by, outcomes);
    bool in_doubt = status == LEASELOCK_UNAVAILABLE; /* some may be released, and others have them by now */
    while (status == LEASELOCK_UNAVAILABLE && ll_clock_boot() < by->until_ms)
        status = suite_engine->release(self->connection, claims, self->wanted, by, outcomes);
    if (status != LEASELOCK_OK)
        return leaselock_error_name(status);
    for (size_t i = 0; i < self->wanted; i++)
        if (outcomes[i].kind != LEASELOCK_OUTCOME_RELEASED && !in_doubt)
            return "what was granted was not ours to release";
    return NULL;
}

static const char *race_once(racer *self, int number)
{
    char client[32], ids[PAIR][LEASELOCK_ACQUISITION_LENGTH + 1];
    leaselock_claim claims[PAIR];
    leaselock_outcome outcomes[PAIR];
    const leaselock_call by = {ll_clock_after(PATIENCE_MS), pause_racer};
    snprintf(client, sizeof client, "racer %d, try %d", self->number, number);
    for (size_t i = 0; i < self->wanted; i++) {
        snprintf(ids[i], sizeof ids[i], "%08x%08x%016x", (unsigned)self->number, (unsigned)number, (unsigned)i);
        claims[i] = (leaselock_claim){self->resources[i], client, ids[i], 0, LEASELOCK_TTL_MAX_MS};
    }
    leaselock_status status = suite_engine->obtain(self->connection, claims, self->wanted, &by, outcomes);
    if (status == LEASELOCK_UNAVAILABLE) /* others were faster: the core would ask again with the same ids */
        return check_nothing_kept(self, client, &by);
    if (status != LEASELOCK_OK)
        return leaselock_error_name(status);
    size_t granted = 0;
    for (size_t i = 0; i < self->wanted; i++)
        granted += outcomes[i].kind == LEASELOCK_OUTCOME_GRANTED;
    if (granted == 0)
        return check_nothing_kept(self, client, &by);
    if (granted < self->wanted)
        return "one of two was granted";
    self->grants++;
    return release_all(self, claims, outcomes, &by);
}

static void *race(void *payload)
{
    racer *self = payload;
    for (int i = 0; i < TRIES && !self->trouble; i++)
        self->trouble = race_once(self, i);
    return NULL;
}

TEST(racers_have_both_or_neither)
{
    racer racers[RACERS] = {{0}};
    leaselock_test_clock_stop();
    for (int i = 0; i < RACERS; i++) {
        racers[i].connection = connect_engine();
        racers[i].resources[0] = resource(i % 2 ? "a" : "b");
        racers[i].resources[1] = resource(i % 2 ? "b" : "a");
        racers[i].wanted = i < 2 ? PAIR : 1;
        racers[i].number = i;
    }
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++)
        pthread_join(racers[i].thread, NULL);
    int grants = 0;
    for (int i = 0; i < RACERS; i++) {
        if (racers[i].trouble)
            fail_msg("racer %d: %s", i, racers[i].trouble);
        grants += racers[i].grants;
        disconnect_engine(racers[i].connection);
    }
    assert_true(grants > 0);
}

int run_engine_race(void)
{
    const struct CMUnitTest tests[] = {ENGINE_TEST(racers_have_both_or_neither)};
    return cmocka_run_group_tests_name("engine: race", tests, NULL, NULL);
}
