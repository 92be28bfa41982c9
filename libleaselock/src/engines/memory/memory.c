/*
 * memory:NAME, shared within the process and gone with it. Written to be read: this is what every engine has to do,
 * without the trouble of a database. One mutex stands for the transaction.
 */
#include <string.h>

#include "leaselock/sys/engine.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fork.h"
#include "util/text.h"
#include "util/url.h"
#include "util/wait.h"

typedef struct row row;
struct row {
    row *next; /* sorted by resource, in byte order */
    char *resource;
    char client[LEASELOCK_ID_MAX + 1];
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
    int64_t sequence; /* only grows; a row is never deleted */
    int64_t ttl_ms;
    int64_t deadline_ms; /* boot clock */
    int64_t expires_at_ms;
    bool released;
};

typedef struct database database;
struct database {
    database *next;
    char *name;
    unsigned fork_generation; /* a forked child sees none of its parent's */
    row *rows;
    int64_t floor; /* every new sequence is greater */
    ll_word changes;
};

struct leaselock_connection {
    database *database;
};

enum { WATCH_SLICE_US = 20000 };

/* Databases live as long as the process: a sequence must not start again because nobody was connected. */
static database *databases;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void protect_mutex(void)
{
    ll_fork_protect(&mutex);
}

static leaselock_status new_database(const char *name, database **out)
{
    database *new = ll_alloc(sizeof *new);
    char *copy = new ? ll_strdup(name) : NULL;
    if (!copy) {
        ll_free(new);
        return LEASELOCK_NOMEM;
    }
    new->name = copy;
    new->fork_generation = ll_fork_generation();
    new->next = databases;
    databases = new;
    *out = new;
    return LEASELOCK_OK;
}

static leaselock_status find_database(const char *name, database **out)
{
    for (database *at = databases; at; at = at->next)
        if (at->fork_generation == ll_fork_generation() && strcmp(at->name, name) == 0) {
            *out = at;
            return LEASELOCK_OK;
        }
    return new_database(name, out);
}

static leaselock_status connect_to(database *to, leaselock_connection **out)
{
    leaselock_connection *connection = ll_alloc(sizeof *connection);
    if (!connection)
        return LEASELOCK_NOMEM;
    connection->database = to;
    *out = connection;
    return LEASELOCK_OK;
}

static leaselock_status memory_open(const char *url, const leaselock_call *call, leaselock_connection **out)
{
    (void)call;
    pthread_once(&once, protect_mutex);
    ll_url parsed;
    leaselock_status status = ll_url_parse(url, &parsed);
    if (status != LEASELOCK_OK)
        return status;
    if (parsed.path[0] == '\0' || parsed.option_count > 0) {
        status = ll_error_set(LEASELOCK_INVALID, parsed.option_count ? "memory: takes no options"
                                                                     : "memory: needs a name, such as memory:test");
    } else {
        database *found;
        pthread_mutex_lock(&mutex);
        status = find_database(parsed.path, &found);
        pthread_mutex_unlock(&mutex);
        if (status == LEASELOCK_OK)
            status = connect_to(found, out);
    }
    ll_url_clear(&parsed);
    return status;
}

static leaselock_status memory_open_again(leaselock_connection *connection, const leaselock_call *call,
                                          leaselock_connection **out)
{
    (void)call;
    return connect_to(connection->database, out);
}

static void memory_close(leaselock_connection *connection)
{
    ll_free(connection);
}

static leaselock_status memory_start(leaselock_connection *connection, const leaselock_call *call)
{
    (void)connection, (void)call;
    return LEASELOCK_OK;
}

static row *find_row(const database *in, const char *resource)
{
    row *at = in->rows;
    while (at && strcmp(at->resource, resource) != 0)
        at = at->next;
    return at;
}

/* A row that was never granted: released, with sequence 0. */
static row *add_row(database *to, const char *resource)
{
    row *new = ll_alloc(sizeof *new);
    char *copy = new ? ll_strdup(resource) : NULL;
    if (!copy) {
        ll_free(new);
        return NULL;
    }
    new->resource = copy;
    new->released = true;
    row **link = &to->rows;
    while (*link && strcmp((*link)->resource, resource) < 0)
        link = &(*link)->next;
    new->next = *link;
    *link = new;
    return new;
}

static bool is_held(const row *at, int64_t now)
{
    return at && !at->released && at->deadline_ms > now;
}

static bool is_own(const row *at, const leaselock_claim *claim)
{
    return at && strcmp(at->acquisition, claim->acquisition) == 0 && at->sequence == claim->sequence &&
           strcmp(at->client, claim->client) == 0;
}

static void describe(const row *at, int64_t now, leaselock_outcome_kind kind, leaselock_outcome *outcome)
{
    outcome->kind = kind;
    outcome->asked_ms = now;
    outcome->sequence = at->sequence;
    outcome->remaining_ms = at->deadline_ms - now;
    outcome->ttl_ms = at->ttl_ms;
    outcome->expires_at_ms = at->expires_at_ms;
    ll_text_copy(outcome->client, sizeof outcome->client, at->client);
}

/* What the claim would meet; GRANTED only for an acquisition that finds its own grant, NONE when it is free. */
static void look(const row *at, const leaselock_claim *claim, int64_t now, leaselock_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    if (at && at->sequence > 0 && strcmp(at->acquisition, claim->acquisition) == 0)
        describe(at, now, at->released ? LEASELOCK_OUTCOME_SPENT : LEASELOCK_OUTCOME_GRANTED, outcome);
    else if (is_held(at, now))
        describe(at, now, LEASELOCK_OUTCOME_BUSY, outcome);
}

static void set_deadline(row *at, int64_t now)
{
    if (now + at->ttl_ms > at->deadline_ms || at->released)
        at->deadline_ms = now + at->ttl_ms;
    at->expires_at_ms = ll_clock_wall() + (at->deadline_ms - now);
}

static void grant(database *in, row *at, const leaselock_claim *claim, int64_t now)
{
    at->sequence = (at->sequence > in->floor ? at->sequence : in->floor) + 1;
    at->ttl_ms = claim->ttl_ms;
    ll_text_copy(at->client, sizeof at->client, claim->client);
    ll_text_copy(at->acquisition, sizeof at->acquisition, claim->acquisition);
    set_deadline(at, now);
    at->released = false;
}

static leaselock_status no_clock(void)
{
    return ll_error_set(LEASELOCK_CLOCK, "the boot clock cannot be read");
}

/* Makes every row that is missing, and sees that there is a number for each claim: from here on nothing can fail. */
static leaselock_status prepare(database *in, const leaselock_claim *claims, size_t count, int64_t now)
{
    if (now == LL_CLOCK_BROKEN)
        return no_clock();
    for (size_t i = 0; i < count; i++) {
        const row *at = find_row(in, claims[i].resource);
        if (!at && !(at = add_row(in, claims[i].resource)))
            return LEASELOCK_NOMEM;
        bool wants_number = !is_held(at, now) && strcmp(at->acquisition, claims[i].acquisition) != 0;
        if (wants_number && (in->floor == INT64_MAX || at->sequence == INT64_MAX))
            return ll_error_set(LEASELOCK_EXHAUSTED, "no sequence is left for \"%s\"", claims[i].resource);
    }
    return LEASELOCK_OK;
}

/* All or nothing: first every claim is looked at, only then is anything granted. */
static leaselock_status memory_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                      const leaselock_call *call, leaselock_outcome *outcomes)
{
    (void)call;
    database *in = connection->database;
    pthread_mutex_lock(&mutex);
    int64_t now = ll_clock_boot();
    leaselock_status status = prepare(in, claims, count, now);
    bool all_free = status == LEASELOCK_OK;
    for (size_t i = 0; i < count && status == LEASELOCK_OK; i++) {
        look(find_row(in, claims[i].resource), &claims[i], now, &outcomes[i]);
        if (outcomes[i].kind == LEASELOCK_OUTCOME_BUSY || outcomes[i].kind == LEASELOCK_OUTCOME_SPENT)
            all_free = false;
    }
    for (size_t i = 0; i < count && all_free; i++) {
        row *at = find_row(in, claims[i].resource);
        if (outcomes[i].kind == LEASELOCK_OUTCOME_NONE)
            grant(in, at, &claims[i], now);
        describe(at, now, LEASELOCK_OUTCOME_GRANTED, &outcomes[i]);
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

static leaselock_status memory_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                     const leaselock_call *call, leaselock_outcome *outcomes)
{
    (void)call;
    pthread_mutex_lock(&mutex);
    int64_t now = ll_clock_boot();
    leaselock_status status = now == LL_CLOCK_BROKEN ? no_clock() : LEASELOCK_OK;
    for (size_t i = 0; i < count && status == LEASELOCK_OK; i++) {
        row *at = find_row(connection->database, claims[i].resource);
        memset(&outcomes[i], 0, sizeof outcomes[i]);
        outcomes[i].kind = LEASELOCK_OUTCOME_LOST;
        if (is_own(at, &claims[i]) && !at->released) {
            set_deadline(at, now);
            describe(at, now, LEASELOCK_OUTCOME_RENEWED, &outcomes[i]);
        } else if (at && !is_own(at, &claims[i])) {
            describe(at, now, LEASELOCK_OUTCOME_LOST, &outcomes[i]);
        }
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

static leaselock_status memory_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                       const leaselock_call *call, leaselock_outcome *outcomes)
{
    (void)call;
    pthread_mutex_lock(&mutex);
    int64_t now = ll_clock_boot();
    for (size_t i = 0; i < count; i++) {
        row *at = find_row(connection->database, claims[i].resource);
        memset(&outcomes[i], 0, sizeof outcomes[i]);
        outcomes[i].kind = LEASELOCK_OUTCOME_NOT_OURS;
        if (is_own(at, &claims[i])) {
            at->released = true;
            describe(at, now, LEASELOCK_OUTCOME_RELEASED, &outcomes[i]);
        }
    }
    pthread_mutex_unlock(&mutex);
    ll_wake(&connection->database->changes);
    return LEASELOCK_OK;
}

static leaselock_status memory_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                                    leaselock_row_visitor visit, void *payload)
{
    (void)call;
    leaselock_status status = LEASELOCK_OK;
    pthread_mutex_lock(&mutex);
    int64_t now = ll_clock_boot();
    for (const row *at = connection->database->rows; at && status == LEASELOCK_OK; at = at->next) {
        leaselock_row seen = {at->resource,          at->client,        at->sequence, at->ttl_ms,
                              at->deadline_ms - now, at->expires_at_ms, at->released};
        if (at->sequence > 0 && (!resource || strcmp(at->resource, resource) == 0))
            status = visit(&seen, payload);
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

static leaselock_status memory_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                           int64_t *out)
{
    (void)call;
    database *in = connection->database;
    pthread_mutex_lock(&mutex);
    if (floor > in->floor)
        in->floor = floor;
    *out = in->floor;
    pthread_mutex_unlock(&mutex);
    return LEASELOCK_OK;
}

/* True while `sequence` is what holds the resource; *left_us is how long it still can. */
static bool still_held(const database *in, const char *resource, int64_t sequence, int64_t *left_us)
{
    pthread_mutex_lock(&mutex);
    const row *at = find_row(in, resource);
    int64_t now = ll_clock_boot();
    bool held = is_held(at, now) && at->sequence == sequence;
    *left_us = held ? (at->deadline_ms - now) * 1000 : 0;
    pthread_mutex_unlock(&mutex);
    return held;
}

static leaselock_status memory_watch(leaselock_connection *connection, const char *resource, int64_t sequence,
                                     const leaselock_call *call, int64_t microseconds)
{
    database *in = connection->database;
    leaselock_status status = LEASELOCK_OK;
    while (microseconds > 0 && status == LEASELOCK_OK) {
        unsigned seen = atomic_load(&in->changes);
        int64_t slice;
        if (!still_held(in, resource, sequence, &slice))
            break;
        slice = slice < microseconds ? slice : microseconds;
        slice = slice < WATCH_SLICE_US ? slice : WATCH_SLICE_US;
        status = ll_pause(&in->changes, seen, slice);
        if (status == LEASELOCK_OK)
            status = call->pause(call, 0);
        microseconds -= slice;
    }
    return status;
}

static const char *const schemes[] = {"memory", NULL};

const leaselock_engine ll_engine_memory = {
    .struct_size = sizeof(leaselock_engine),
    .name = "memory",
    .schemes = schemes,
    .follows_probes = true,
    .open = memory_open,
    .open_again = memory_open_again,
    .close = memory_close,
    .start = memory_start,
    .obtain = memory_obtain,
    .renew = memory_renew,
    .release = memory_release,
    .list = memory_list,
    .raise_floor = memory_raise_floor,
    .watch = memory_watch,
};
