/* What is known of the grants of one resource, sorted by sequence, as long as it matters. */
#ifndef SOAK_GRANTS_H
#define SOAK_GRANTS_H

#include "soak/diary.h"

/* What says that no later grant was made before the `before_us` of the event. */
typedef enum grant_claim {
    CLAIM_GRANTED,
    CLAIM_RENEWED,
    CLAIM_RELEASED,
    CLAIM_VALID,
    CLAIM_HELD,
    CLAIM_LATEST,
    CLAIMS
} grant_claim;

typedef struct soak_grant {
    int64_t sequence;
    int64_t answered_us;     /* INT64_MAX while it is known by hearsay only */
    int64_t deadline_us;     /* the engine's, at the least */
    int64_t release_us;      /* when the first release began that may have been done; INT64_MAX */
    int64_t released_us;     /* when a release was first answered as done; INT64_MAX */
    int64_t lost_us;         /* when somebody was first told that it was lost, to nobody; INT64_MAX */
    int64_t last_us[CLAIMS]; /* the latest beginning of each claim; 0 */
    bool shared;             /* somebody took it up by its ids: it has several handles */
    bool told;               /* that it violates a promise */
} soak_grant;

typedef struct soak_grants {
    soak_grant *items;
    size_t count, capacity;
    int64_t forgotten; /* what is missing up to this sequence was overtaken before anything that is to come began */
} soak_grants;

/* Finds it, or adds one that is known by hearsay. NULL: forgotten. */
soak_grant *grants_find(soak_grants *grants, int64_t sequence);

/* Forgets the first `count`, but not yet the shared ones that may have been held after `us`. */
void grants_forget(soak_grants *grants, size_t count, int64_t us);

#endif
