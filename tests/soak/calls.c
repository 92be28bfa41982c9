#include "soak/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/clock.h"

static diary_event begin(soak_worker *worker, diary_kind kind, uint8_t resource, const soak_hold *hold)
{
    diary_event event = {.kind = (uint8_t)kind, .lane = worker->number, .resource = resource};
    if (hold)
        event.hold = (uint8_t)(hold - worker->holds);
    if (hold && hold->lease) {
        event.sequence = leaselock_lease_sequence(hold->lease);
        event.ttl_ms = (int32_t)leaselock_lease_ttl(hold->lease);
    }
    diary_begin(worker->lane, &event);
    return event;
}

/* What is no answer that a worker has to live with is shown: the record is gone once this process is. */
static leaselock_status end(soak_worker *worker, diary_event *event, leaselock_status status)
{
    event->status = status;
    if (status == LEASELOCK_BUSY || status == LEASELOCK_LOST)
        event->holder = leaselock_error_last()->sequence;
    if (status == LEASELOCK_BUSY)
        event->valid = leaselock_error_last()->remaining_ms > 0;
    diary_end(worker->lane, event);
    if (status <= LEASELOCK_IO || status == LEASELOCK_INTERNAL || status == LEASELOCK_INVALID)
        fprintf(stderr, "%s: %s\n", worker->client, leaselock_error_last()->message);
    return status;
}

void call_open(soak_worker *worker, int64_t operation_ms)
{
    leaselock_lock_options options = {.struct_size = sizeof options, .client = worker->client,
                                      .operation_ms = operation_ms};
    do {
        diary_event event = begin(worker, OPEN, 0, NULL);
        if (end(worker, &event, leaselock_lock_open(worker->url, &options, &worker->lock)) == LEASELOCK_OK)
            return;
    } while (!atomic_load(&worker->diary->stop));
    exit(0);
}

void drop(soak_hold *hold)
{
    leaselock_lease_free(hold->lease);
    hold->lease = NULL;
}

void call_close(soak_worker *worker)
{
    bool lock_first = dice_once_in(&worker->dice, 2);
    leaselock_lock_close(worker->lock);
    if (lock_first)
        leaselock_lock_free(worker->lock);
    for (int i = 0; i < HOLDS; i++)
        drop(&worker->holds[i]);
    if (!lock_first)
        leaselock_lock_free(worker->lock);
    worker->lock = NULL;
}

static leaselock_status obtain_by_backoff(soak_worker *worker, const char *resource,
                                          const leaselock_obtain_options *options, leaselock_lease **lease)
{
    leaselock_backoff *backoff;
    leaselock_status status = leaselock_backoff_new_exponential(3, dice_between(&worker->dice, 0, 20), 1.5, &backoff);
    if (status == LEASELOCK_OK)
        status = leaselock_lock_obtain_with_backoff(worker->lock, resource, NULL, backoff, options, lease);
    leaselock_backoff_free(backoff);
    return status;
}

leaselock_status call_obtain(soak_worker *worker, diary_kind kind, uint8_t resource, int64_t ttl_ms, soak_hold *hold)
{
    char name[16];
    snprintf(name, sizeof name, "resource-%d", resource);
    leaselock_obtain_options options = {sizeof options, ttl_ms, 0};
    if (kind == OBTAIN_WAIT)
        options.wait_ms = dice_between(&worker->dice, 1, 400);
    diary_event event = begin(worker, kind, resource, hold);
    leaselock_lease *lease = NULL;
    leaselock_status status;
    if (kind == OBTAIN_NO_WAIT)
        status = leaselock_lock_obtain_with_no_wait(worker->lock, name, NULL, &options, &lease);
    else if (kind == OBTAIN_BACKOFF)
        status = obtain_by_backoff(worker, name, &options, &lease);
    else
        status = leaselock_lock_obtain(worker->lock, name, NULL, &options, &lease);
    if (status == LEASELOCK_OK) {
        event.sequence = worker->highest = leaselock_lease_sequence(lease);
        event.ttl_ms = (int32_t)ttl_ms;
        hold->lease = lease;
        hold->resource = resource;
    }
    return end(worker, &event, status);
}

leaselock_status call_release(soak_worker *worker, soak_hold *hold)
{
    bool was_ours = false;
    diary_event event = begin(worker, RELEASE, hold->resource, hold);
    leaselock_status status = leaselock_lock_release(worker->lock, hold->lease, &was_ours);
    event.valid = was_ours;
    return end(worker, &event, status);
}

leaselock_status call_renew(soak_worker *worker, soak_hold *hold)
{
    diary_event event = begin(worker, RENEW, hold->resource, hold);
    return end(worker, &event, leaselock_lock_renew(worker->lock, hold->lease));
}

leaselock_status call_keep(soak_worker *worker, soak_hold *hold)
{
    diary_event event = begin(worker, KEEP, hold->resource, hold);
    return end(worker, &event, leaselock_lease_keep(hold->lease));
}

leaselock_status call_resume(soak_worker *worker, const diary_offer *offer, soak_hold *hold)
{
    char name[16];
    snprintf(name, sizeof name, "resource-%d", offer->resource);
    diary_event event = begin(worker, RESUME, offer->resource, hold);
    event.sequence = offer->sequence;
    leaselock_status status =
        leaselock_lock_resume(worker->lock, name, offer->client, offer->sequence, offer->acquisition, &hold->lease);
    if (status == LEASELOCK_OK) {
        event.ttl_ms = (int32_t)leaselock_lease_ttl(hold->lease);
        hold->resource = offer->resource;
    }
    return end(worker, &event, status);
}

leaselock_status call_list(soak_worker *worker)
{
    leaselock_list_options options = {.struct_size = sizeof options, .all = true};
    leaselock_listing *listing;
    diary_event event = begin(worker, LIST, 0, NULL);
    leaselock_status status = leaselock_lock_list(worker->lock, &options, &listing);
    if (status == LEASELOCK_OK) {
        for (size_t i = 0; i < leaselock_listing_count(listing); i++) {
            diary_event row = event;
            row.kind = LISTED;
            row.resource = (uint8_t)atoi(strchr(leaselock_listing_resource(listing, i), '-') + 1);
            row.sequence = leaselock_listing_sequence(listing, i);
            row.valid = leaselock_listing_state(listing, i) == LEASELOCK_STATE_HELD;
            diary_note(worker->lane, &row);
        }
        leaselock_listing_free(listing);
    }
    return end(worker, &event, status);
}

leaselock_status call_raise_floor(soak_worker *worker, int64_t floor)
{
    diary_event event = begin(worker, RAISE_FLOOR, 0, NULL);
    return end(worker, &event, leaselock_lock_raise_floor(worker->lock, floor, &event.sequence));
}

/* In the child: the number of the first thing that is not as promised, 0 when all is. */
static int check_forked(soak_worker *worker)
{
    leaselock_lock *another;
    leaselock_lease *lease;
    if (leaselock_lock_obtain_with_no_wait(worker->lock, "resource-0", NULL, NULL, &lease) != LEASELOCK_FORKED)
        return 1;
    if (strncmp(worker->url, "sqlite:", 7) == 0 && leaselock_lock_open(worker->url, NULL, &another) != LEASELOCK_FORKED)
        return 2;
    for (int i = 0; i < HOLDS; i++) {
        leaselock_lease *inherited = worker->holds[i].lease;
        if (!inherited)
            continue;
        if (leaselock_lease_valid(inherited) || leaselock_lease_state(inherited) != LEASELOCK_STATE_FORKED)
            return 3;
        if (leaselock_lock_release(worker->lock, inherited, NULL) != LEASELOCK_FORKED)
            return 4;
        leaselock_lease_free(inherited);
    }
    leaselock_lock_free(worker->lock);
    return 0;
}

void call_fork(soak_worker *worker)
{
    diary_event event = begin(worker, FORK, 0, NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(30); /* should it hang */
        _exit(check_forked(worker));
    }
    int result = -1;
    bool ended = child > 0 && waitpid(child, &result, 0) == child;
    if (result != 0)
        fprintf(stderr, "%s: a forked child ended with 0x%x\n", worker->client, (unsigned)result);
    end(worker, &event, ended && result == 0 ? LEASELOCK_OK : LEASELOCK_FORKED);
}

void look_at(soak_worker *worker, soak_hold *hold)
{
    diary_event event = {.kind = LOOK, .lane = worker->number, .resource = hold->resource,
                           .hold = (uint8_t)(hold - worker->holds),
                           .sequence = leaselock_lease_sequence(hold->lease), .before_us = real_boot_us()};
    event.valid = leaselock_lease_valid(hold->lease);
    event.expired = leaselock_lease_state(hold->lease) == LEASELOCK_STATE_EXPIRED;
    if (event.valid || hold->valid) /* that it is still over is no news */
        diary_note(worker->lane, &event);
    hold->valid = event.valid;
}
