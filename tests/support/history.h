/*
 * Who held what when, written down by many threads or processes at once, and checked afterwards. The struct can live in
 * shared memory.
 */
#ifndef SUPPORT_HISTORY_H
#define SUPPORT_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_MAX = 8192 };

/* One grant. Times are microseconds of the boot clock. */
typedef struct history_entry {
    int resource, holder;
    int64_t sequence;
    int64_t from_us;       /* read after the grant had arrived, and before its holder saw that it was valid */
    _Atomic int64_t to_us; /* read before its holder last saw that it was valid, or before it was released */
} history_entry;

typedef struct history {
    atomic_uint count;
    history_entry entries[HISTORY_MAX];
} history;

/* Writes down a grant. NULL when the book is full. */
history_entry *history_begin(history *book, int resource, int holder, int64_t sequence, int64_t from_us);
/* It is known to have been held until `us`. */
void history_held_until(history_entry *entry, int64_t us);

/*
 * True when, per resource, no sequence came twice, every one is at least 1, and whoever has the greater sequence began
 * after all with a smaller one had ended. Otherwise *why says in words what is wrong.
 */
bool history_check(const history *book, char *why, size_t size);

/* How many grants the holder had. */
unsigned history_turns(const history *book, int holder);

#endif
