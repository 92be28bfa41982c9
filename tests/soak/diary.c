#include "soak/diary.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/clock.h"

soak_diary *diary_map(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *mapped = MAP_FAILED;
    if (file >= 0 && ftruncate(file, sizeof(soak_diary)) == 0)
        mapped = mmap(NULL, sizeof(soak_diary), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(file);
    return mapped;
}

static void push(diary_lane *lane, const diary_event *event)
{
    uint64_t head = atomic_load(&lane->head);
    while (head - atomic_load(&lane->tail) == LANE_EVENTS)
        usleep(100);
    lane->ring[head % LANE_EVENTS] = *event;
    atomic_store(&lane->head, head + 1);
}

void diary_begin(diary_lane *lane, diary_event *event)
{
    event->number = ++lane->numbers;
    event->before_us = real_boot_us();
    lane->pending = *event;
    atomic_store(&lane->pending_number, event->number);
    atomic_store(&lane->reached_us, event->before_us);
}

void diary_end(diary_lane *lane, diary_event *event)
{
    event->after_us = real_boot_us();
    push(lane, event);
    atomic_store(&lane->reached_us, event->after_us);
}

void diary_note(diary_lane *lane, diary_event *event)
{
    event->number = 0;
    event->after_us = real_boot_us();
    push(lane, event);
}

void diary_offer_lease(diary_lane *lane, uint8_t resource, const leaselock_lease *lease)
{
    diary_offer *offer = &lane->offer;
    unsigned version = atomic_load(&offer->version) | 1; /* odd already where the last writer was killed */
    atomic_store(&offer->version, version);
    offer->resource = resource;
    snprintf(offer->client, sizeof offer->client, "%s", leaselock_lease_client(lease));
    offer->sequence = leaselock_lease_sequence(lease);
    memcpy(offer->acquisition, leaselock_lease_acquisition(lease), sizeof offer->acquisition);
    atomic_store(&offer->version, version + 1);
}

bool diary_read_offer(const diary_lane *lane, unsigned *version, diary_offer *offer)
{
    unsigned before = atomic_load(&lane->offer.version);
    if (before == 0 || before % 2 == 1 || before == *version)
        return false;
    memcpy(offer, &lane->offer, sizeof *offer);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&lane->offer.version) != before)
        return false;
    *version = before;
    return true;
}

int64_t diary_reached(const soak_diary *diary)
{
    int64_t reached = real_boot_us();
    for (int i = 0; i < LANES; i++) {
        int64_t of_lane = atomic_load(&diary->lanes[i].reached_us);
        if (of_lane < reached)
            reached = of_lane;
    }
    return reached;
}

bool diary_read(diary_lane *lane, diary_event *event)
{
    uint64_t tail = atomic_load(&lane->tail);
    if (tail == atomic_load(&lane->head))
        return false;
    *event = lane->ring[tail % LANE_EVENTS];
    atomic_store(&lane->tail, tail + 1);
    if (event->number)
        lane->ended = event->number;
    return true;
}

bool diary_read_pending(diary_lane *lane, diary_event *event)
{
    uint64_t number = atomic_load(&lane->pending_number);
    if (number <= lane->ended)
        return false;
    *event = lane->pending;
    event->status = DIARY_KILLED;
    event->after_us = real_boot_us();
    lane->ended = number;
    return true;
}

const char *diary_kind_name(diary_kind kind)
{
    static const char *const names[DIARY_KINDS] = {
        "obtain, no wait", "obtain, backoff",  "obtain, wait",    "release",         "renew",         "resume",
        "keep",            "list",             "raise floor",     "open",            "fork",          "neighbour writes",
        "neighbour reads", "neighbour kicks",  "row of a list",   "look"};
    return names[kind];
}

const char *diary_status_name(const diary_event *event)
{
    if (event->status == DIARY_KILLED)
        return "KILLED";
    if (event->kind == RELEASE && event->status == LEASELOCK_OK && !event->valid)
        return "NOT OURS";
    return leaselock_error_name(event->status);
}
