#include "soak/witness.h"

#include <stdlib.h>

enum { NEIGHBOURS = 2, TOLD = 40 };

void witness_see(soak_witness *witness, const diary_event *event)
{
    witness->events[witness->seen++ % WITNESS_EVENTS] = *event;
}

static bool concerns(const diary_event *event, int64_t sequence)
{
    return llabs(event->sequence - sequence) <= NEIGHBOURS || llabs(event->holder - sequence) <= NEIGHBOURS;
}

/* BUSY again, or another look with the same answer: the last of a row says it all. */
static bool says_the_same(const diary_event *one, const diary_event *other)
{
    if (one->kind == LOOK && other->kind == LOOK)
        return one->lane == other->lane && one->hold == other->hold && one->valid == other->valid;
    return one->status == LEASELOCK_BUSY && other->status == LEASELOCK_BUSY && one->holder == other->holder;
}

static size_t keep_the_last_of_rows(diary_event *events, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && says_the_same(&events[kept - 1], &events[i]))
            kept--;
        events[kept++] = events[i];
    }
    return kept;
}

static int by_answer(const void *left, const void *right)
{
    const diary_event *one = left, *other = right;
    return (one->after_us > other->after_us) - (one->after_us < other->after_us);
}

static void tell(const diary_event *event, FILE *out)
{
    fprintf(out, "    %lld … %lld us  lane %-2d  %s", (long long)event->before_us, (long long)event->after_us,
            event->lane, diary_kind_name(event->kind));
    if (event->sequence)
        fprintf(out, " of %lld", (long long)event->sequence);
    if (event->kind == LOOK)
        fprintf(out, ": %s%s\n", event->valid ? "valid" : "not valid", event->expired ? ", expired" : "");
    else if (event->holder)
        fprintf(out, ": %s, held as %lld\n", diary_status_name(event), (long long)event->holder);
    else
        fprintf(out, ": %s\n", diary_status_name(event));
}

void witness_tell(const soak_witness *witness, int64_t sequence, FILE *out)
{
    diary_event *told = malloc(WITNESS_EVENTS * sizeof *told);
    size_t count = 0;
    if (!told)
        return;
    for (size_t i = witness->seen > WITNESS_EVENTS ? witness->seen - WITNESS_EVENTS : 0; i < witness->seen; i++) {
        const diary_event *event = &witness->events[i % WITNESS_EVENTS];
        if (concerns(event, sequence))
            told[count++] = *event;
    }
    qsort(told, count, sizeof *told, by_answer);
    count = keep_the_last_of_rows(told, count);
    for (size_t i = count > TOLD ? count - TOLD : 0; i < count; i++)
        tell(&told[i], out);
    free(told);
}
