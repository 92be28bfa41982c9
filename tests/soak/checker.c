/*
 * Nearly every promise has one form: nothing of a grant begins after its *overtaking*, which is the earliest answer of
 * any later grant of the resource. A grant is judged once everything that began before its overtaking is known.
 */
#include "soak/checker.h"

#include <stdarg.h>
#include <stdlib.h>

#include "soak/grants.h"
#include "soak/witness.h"

enum {
    REPORTS = 10,
    SHARED_MEMORY_US = 10000000 /* a handle that was not told of a release is valid for its ttl at most */
};

/* A handle of a worker. */
typedef struct soak_handle {
    bool expired; /* it was seen so, and not renewed explicitly since */
    bool released;
    bool kept;        /* it was seen valid at a time when only a keeper can have renewed it */
    int64_t until_us; /* the earliest such time */
} soak_handle;

typedef struct floor_answer {
    int64_t answered_us;
    int64_t in_force; /* the highest of all that were answered by then */
} floor_answer;

typedef struct soak_resource {
    soak_grants grants;
    soak_witness witness;
} soak_resource;

struct soak_checker {
    FILE *out;
    unsigned long violations, granted, kept;
    soak_resource resources[RESOURCES];
    soak_handle handles[LANES][HOLDS];
    floor_answer *floors; /* sorted by time */
    size_t floor_count, floor_capacity;
};

soak_checker *checker_new(FILE *out)
{
    soak_checker *checker = calloc(1, sizeof *checker);
    if (!checker)
        abort();
    checker->out = out;
    return checker;
}

void checker_free(soak_checker *checker)
{
    for (int i = 0; i < RESOURCES; i++)
        free(checker->resources[i].grants.items);
    free(checker->floors);
    free(checker);
}

unsigned long checker_violations(const soak_checker *checker)
{
    return checker->violations;
}

unsigned long checker_grants(const soak_checker *checker)
{
    return checker->granted;
}

unsigned long checker_kept(const soak_checker *checker)
{
    return checker->kept;
}

static bool begin_report(soak_checker *checker)
{
    checker->violations++;
    if (checker->violations == REPORTS + 1)
        fputs("VIOLATION: more of them, not shown\n", checker->out);
    return checker->violations <= REPORTS;
}

void checker_report(soak_checker *checker, const char *format, ...)
{
    if (!begin_report(checker))
        return;
    va_list arguments;
    va_start(arguments, format);
    fputs("VIOLATION: ", checker->out);
    vfprintf(checker->out, format, arguments);
    fputc('\n', checker->out);
    va_end(arguments);
}

/* What is wrong with a grant. */
typedef struct flaw {
    const char *what;
    const char *since; /* the limit, "" without one */
    int64_t late_us;   /* behind the limit; 0: unknown */
} flaw;

static const char later_grant[] = " after a later grant", release[] = " after its release";

static void violated(soak_checker *checker, const soak_resource *resource, int64_t sequence, flaw found)
{
    if (!begin_report(checker))
        return;
    fprintf(checker->out, "VIOLATION: resource %d, sequence %lld: %s%s", (int)(resource - checker->resources),
            (long long)sequence, found.what, found.since);
    if (found.late_us > 0)
        fprintf(checker->out, ", by %lld us", (long long)found.late_us);
    fputs("; the events around:\n", checker->out);
    witness_tell(&resource->witness, sequence, checker->out);
}

static const char *const claim_texts[CLAIMS] = {
    [CLAIM_GRANTED] = "was granted",
    [CLAIM_RENEWED] = "was renewed",
    [CLAIM_RELEASED] = "was released as the holder's own",
    [CLAIM_VALID] = "was seen valid",
    [CLAIM_HELD] = "was called held",
    [CLAIM_LATEST] = "was called the latest",
};

static void claim(soak_checker *checker, soak_resource *resource, int64_t sequence, grant_claim what, int64_t before_us)
{
    soak_grant *grant = grants_find(&resource->grants, sequence);
    if (!grant)
        violated(checker, resource, sequence, (flaw){claim_texts[what], later_grant, 0});
    else if (before_us > grant->last_us[what])
        grant->last_us[what] = before_us;
}

/* The engine counts whole milliseconds: its deadline is at least this one's. */
static void prolong(soak_grant *grant, const diary_event *event)
{
    int64_t deadline_us = (event->before_us / 1000 + event->ttl_ms) * 1000;
    if (grant && deadline_us > grant->deadline_us)
        grant->deadline_us = deadline_us;
}

static soak_handle *handle_of(soak_checker *checker, const diary_event *event)
{
    return &checker->handles[event->lane][event->hold];
}

static void feed_obtain(soak_checker *checker, soak_resource *resource, const diary_event *event)
{
    if (event->status == LEASELOCK_BUSY) /* nothing remains: somebody is at it, and this is who had it last */
        claim(checker, resource, event->holder, event->valid ? CLAIM_HELD : CLAIM_LATEST, event->before_us);
    if (event->status != LEASELOCK_OK)
        return;
    claim(checker, resource, event->sequence, CLAIM_GRANTED, event->before_us);
    soak_grant *grant = grants_find(&resource->grants, event->sequence);
    *handle_of(checker, event) = (soak_handle){.until_us = event->after_us + (int64_t)event->ttl_ms * 1000};
    checker->granted++;
    if (!grant)
        return;
    if (grant->answered_us != INT64_MAX)
        violated(checker, resource, event->sequence, (flaw){"was granted twice", "", 0});
    grant->answered_us = event->after_us;
    prolong(grant, event);
}

/* A pointer to a grant lives until the next is looked for. */
static void feed_renewal(soak_checker *checker, soak_resource *resource, const diary_event *event)
{
    soak_grant *resumed = event->kind == RESUME ? grants_find(&resource->grants, event->sequence) : NULL;
    if (resumed)
        resumed->shared = true;
    if (event->status == LEASELOCK_OK) {
        claim(checker, resource, event->sequence, CLAIM_RENEWED, event->before_us);
        prolong(grants_find(&resource->grants, event->sequence), event);
        *handle_of(checker, event) = (soak_handle){.until_us = event->after_us + (int64_t)event->ttl_ms * 1000};
    } else if (event->status == LEASELOCK_LOST) {
        claim(checker, resource, event->holder, CLAIM_LATEST, event->before_us);
        soak_grant *grant = grants_find(&resource->grants, event->sequence);
        if (grant && event->holder <= event->sequence && event->after_us < grant->lost_us)
            grant->lost_us = event->after_us;
    }
}

static void feed_release(soak_checker *checker, soak_resource *resource, const diary_event *event)
{
    handle_of(checker, event)->released = true;
    bool answered = event->status == LEASELOCK_OK, done = answered && event->valid;
    if (done)
        claim(checker, resource, event->sequence, CLAIM_RELEASED, event->before_us);
    soak_grant *grant = grants_find(&resource->grants, event->sequence);
    if (grant && (done || !answered) && event->before_us < grant->release_us)
        grant->release_us = event->before_us;
    if (grant && done && event->after_us < grant->released_us)
        grant->released_us = event->after_us;
}

static void feed_look(soak_checker *checker, soak_resource *resource, const diary_event *event)
{
    soak_handle *handle = handle_of(checker, event);
    if (event->valid) {
        claim(checker, resource, event->sequence, CLAIM_VALID, event->before_us);
        if (handle->released)
            violated(checker, resource, event->sequence, (flaw){claim_texts[CLAIM_VALID], release, 0});
        if (handle->expired)
            violated(checker, resource, event->sequence, (flaw){claim_texts[CLAIM_VALID], " after it had expired", 0});
        if (event->before_us > handle->until_us && !handle->kept) {
            handle->kept = true;
            checker->kept++;
        }
    }
    handle->expired |= event->expired;
}

static void feed_floor(soak_checker *checker, const diary_event *event)
{
    if (event->status != LEASELOCK_OK)
        return;
    if (checker->floor_count == checker->floor_capacity) {
        checker->floor_capacity = checker->floor_capacity ? 2 * checker->floor_capacity : 64;
        checker->floors = realloc(checker->floors, checker->floor_capacity * sizeof *checker->floors);
        if (!checker->floors)
            abort();
    }
    floor_answer *floors = checker->floors;
    size_t at = checker->floor_count++;
    for (; at > 0 && floors[at - 1].answered_us > event->after_us; at--)
        floors[at] = floors[at - 1];
    floors[at] = (floor_answer){event->after_us, event->sequence};
    for (; at < checker->floor_count; at++)
        if (at > 0 && floors[at].in_force < floors[at - 1].in_force)
            floors[at].in_force = floors[at - 1].in_force;
}

static int64_t floor_at(const soak_checker *checker, int64_t us)
{
    size_t low = 0, high = checker->floor_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (checker->floors[middle].answered_us < us)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? checker->floors[low - 1].in_force : 0;
}

static bool is_expected(const diary_event *event)
{
    switch (event->status) {
    case LEASELOCK_OK:
    case LEASELOCK_UNAVAILABLE:
    case LEASELOCK_INTERRUPTED:
    case LEASELOCK_CLOSED:
    case DIARY_KILLED:
        return true;
    case LEASELOCK_BUSY:
        return event->kind <= OBTAIN_WAIT;
    case LEASELOCK_LOST:
    case LEASELOCK_RELEASED:
        return event->kind == RENEW || event->kind == RESUME || event->kind == KEEP;
    default:
        return false;
    }
}

void checker_feed(soak_checker *checker, const diary_event *event)
{
    soak_resource *resource = &checker->resources[event->resource];
    witness_see(&resource->witness, event);
    if (!is_expected(event))
        checker_report(checker, "%s in lane %d was answered %s", diary_kind_name(event->kind), event->lane,
                       diary_status_name(event));
    switch (event->kind) {
    case OBTAIN_NO_WAIT:
    case OBTAIN_BACKOFF:
    case OBTAIN_WAIT:
        feed_obtain(checker, resource, event);
        break;
    case RENEW:
    case RESUME:
        feed_renewal(checker, resource, event);
        break;
    case RELEASE:
        feed_release(checker, resource, event);
        break;
    case RAISE_FLOOR:
        feed_floor(checker, event);
        break;
    case LISTED:
        claim(checker, resource, event->sequence, event->valid ? CLAIM_HELD : CLAIM_LATEST, event->before_us);
        break;
    case LOOK:
        feed_look(checker, resource, event);
        break;
    default:
        break;
    }
}

/* Every handle with the same ids is one holder: after a release through one, another may still look valid. */
static bool is_excused(const soak_grant *grant, grant_claim claim, int64_t overtaken_us)
{
    return claim == CLAIM_VALID && grant->shared && grant->release_us < overtaken_us;
}

/* When the claim has to be over, and why. */
static int64_t limit_of(const soak_grant *grant, grant_claim claim, int64_t overtaken_us, const char **since)
{
    bool ended_by_release = claim == CLAIM_RENEWED || claim == CLAIM_HELD;
    *since = ended_by_release && grant->released_us < overtaken_us ? release : later_grant;
    return *since == release ? grant->released_us : overtaken_us;
}

/* The first flaw of it, since the others follow from that; its `what` is NULL where there is none. */
static flaw judge(const soak_checker *checker, const soak_grant *grant, int64_t overtaken_us)
{
    for (int i = 0; i < CLAIMS; i++) {
        const char *since;
        int64_t late_us = grant->last_us[i] - limit_of(grant, i, overtaken_us, &since);
        if (late_us > 0 && !is_excused(grant, i, overtaken_us))
            return (flaw){claim_texts[i], since, late_us};
    }
    if (grant->deadline_us > overtaken_us && grant->release_us >= overtaken_us)
        return (flaw){"was held when another was granted", "", grant->deadline_us - overtaken_us};
    if (grant->release_us > grant->lost_us)
        return (flaw){"was called lost, and nobody had taken or released it", "", 0};
    if (grant->answered_us != INT64_MAX && grant->sequence <= floor_at(checker, grant->last_us[CLAIM_GRANTED]))
        return (flaw){"is not above the floor", "", 0};
    return (flaw){0};
}

/* From the last to the first, so that the overtaking of each is known; the overtaken ones are the first. */
static void settle(soak_checker *checker, soak_resource *resource, int64_t reached_us)
{
    int64_t overtaken_us = INT64_MAX;
    size_t settled = 0;
    for (size_t i = resource->grants.count; i-- > 0;) {
        soak_grant *grant = &resource->grants.items[i];
        if (overtaken_us < reached_us || reached_us == INT64_MAX) {
            flaw found = judge(checker, grant, overtaken_us);
            if (found.what && !grant->told)
                violated(checker, resource, grant->sequence, found);
            grant->told = found.what != NULL;
            if (settled <= i)
                settled = i + 1;
        }
        if (grant->answered_us < overtaken_us)
            overtaken_us = grant->answered_us;
    }
    grants_forget(&resource->grants, settled, reached_us - SHARED_MEMORY_US);
}

void checker_settle(soak_checker *checker, int64_t reached_us)
{
    for (int i = 0; i < RESOURCES; i++)
        settle(checker, &checker->resources[i], reached_us);
}
