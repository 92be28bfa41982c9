#include "soak/grants.h"

#include <stdlib.h>
#include <string.h>

static void make_room(soak_grants *grants)
{
    if (grants->count < grants->capacity)
        return;
    grants->capacity = grants->capacity ? 2 * grants->capacity : 64;
    grants->items = realloc(grants->items, grants->capacity * sizeof *grants->items);
    if (!grants->items)
        abort();
}

soak_grant *grants_find(soak_grants *grants, int64_t sequence)
{
    size_t at = grants->count; /* what is asked for is nearly always among the last */
    while (at > 0 && grants->items[at - 1].sequence >= sequence)
        at--;
    if (at < grants->count && grants->items[at].sequence == sequence)
        return &grants->items[at];
    if (sequence <= grants->forgotten)
        return NULL;
    make_room(grants);
    memmove(&grants->items[at + 1], &grants->items[at], (grants->count - at) * sizeof *grants->items);
    grants->count++;
    grants->items[at] = (soak_grant){.sequence = sequence, .answered_us = INT64_MAX, .release_us = INT64_MAX,
                                     .released_us = INT64_MAX, .lost_us = INT64_MAX};
    return &grants->items[at];
}

void grants_forget(soak_grants *grants, size_t count, int64_t us)
{
    size_t kept = 0;
    if (count > 0 && grants->items[count - 1].sequence > grants->forgotten)
        grants->forgotten = grants->items[count - 1].sequence;
    for (size_t i = 0; i < grants->count; i++)
        if (i >= count || (grants->items[i].shared && grants->items[i].deadline_us > us))
            grants->items[kept++] = grants->items[i];
    grants->count = kept;
}
