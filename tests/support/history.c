#include "support/history.h"

#include <stdio.h>
#include <stdlib.h>

history_entry *history_begin(history *book, int resource, int holder, int64_t sequence, int64_t from_us)
{
    unsigned index = atomic_fetch_add(&book->count, 1);
    if (index >= HISTORY_MAX)
        return NULL;
    history_entry *entry = &book->entries[index];
    entry->resource = resource;
    entry->holder = holder;
    entry->sequence = sequence;
    atomic_store(&entry->to_us, from_us);
    entry->from_us = from_us; /* last: an entry without it was not finished */
    return entry;
}

void history_held_until(history_entry *entry, int64_t us)
{
    if (us > atomic_load(&entry->to_us))
        atomic_store(&entry->to_us, us);
}

static unsigned length(const history *book)
{
    unsigned count = atomic_load(&book->count);
    return count < HISTORY_MAX ? count : HISTORY_MAX;
}

/* By resource, then by sequence. */
static int compare(const void *left, const void *right)
{
    const history_entry *a = *(history_entry *const *)left, *b = *(history_entry *const *)right;
    if (a->resource != b->resource)
        return a->resource < b->resource ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool follows(const history_entry *before, const history_entry *after, char *why, size_t size)
{
    if (before->sequence == after->sequence)
        snprintf(why, size, "resource %d: sequence %lld was granted to %d and to %d", after->resource,
                 (long long)after->sequence, before->holder, after->holder);
    else if (atomic_load(&before->to_us) > after->from_us) /* in memory, one microsecond sees an end and a beginning */
        snprintf(why, size, "resource %d: %d held sequence %lld until %lld, and %d held %lld from %lld",
                 after->resource, before->holder, (long long)before->sequence, (long long)atomic_load(&before->to_us),
                 after->holder, (long long)after->sequence, (long long)after->from_us);
    else
        return true;
    return false;
}

static bool makes_sense(const history_entry *entry, char *why, size_t size)
{
    if (entry->sequence >= 1 && atomic_load(&entry->to_us) >= entry->from_us)
        return true;
    snprintf(why, size, "resource %d: %d held sequence %lld from %lld to %lld", entry->resource, entry->holder,
             (long long)entry->sequence, (long long)entry->from_us, (long long)atomic_load(&entry->to_us));
    return false;
}

bool history_check(const history *book, char *why, size_t size)
{
    unsigned count = length(book), whole = 0;
    const history_entry **sorted = calloc(count + 1, sizeof *sorted);
    if (atomic_load(&book->count) > HISTORY_MAX || !sorted) {
        snprintf(why, size, "more than %d grants: the book is full", HISTORY_MAX);
        free(sorted);
        return false;
    }
    for (unsigned i = 0; i < count; i++)
        if (book->entries[i].from_us != 0) /* else its writer was killed while it wrote */
            sorted[whole++] = &book->entries[i];
    qsort(sorted, whole, sizeof *sorted, compare);
    bool good = true;
    for (unsigned i = 0; i < whole && good; i++) {
        good = makes_sense(sorted[i], why, size);
        if (good && i > 0 && sorted[i - 1]->resource == sorted[i]->resource)
            good = follows(sorted[i - 1], sorted[i], why, size);
    }
    free(sorted);
    return good;
}

unsigned history_turns(const history *book, int holder)
{
    unsigned turns = 0;
    for (unsigned i = 0; i < length(book); i++)
        turns += book->entries[i].holder == holder && book->entries[i].from_us != 0;
    return turns;
}
