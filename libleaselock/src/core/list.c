/* What is held in a database, and the floor of its sequences. */
#include <string.h>

#include "core/lock.h"
#include "core/options.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

typedef struct ll_entry {
    char *resource; /* one piece of memory with client behind it */
    char *client;
    int64_t sequence, ttl_ms, remaining_ms, expires_at_ms;
    leaselock_state state;
} ll_entry;

struct leaselock_listing {
    size_t count, capacity;
    ll_entry *entries;
    bool all; /* take in what is not held, too */
};

static void empty(leaselock_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        ll_free(listing->entries[i].resource);
    listing->count = 0;
}

static leaselock_status grow(leaselock_listing *listing)
{
    size_t capacity = listing->capacity ? 2 * listing->capacity : 16;
    ll_entry *entries = ll_realloc(listing->entries, capacity * sizeof *entries);
    if (!entries)
        return LEASELOCK_NOMEM;
    listing->entries = entries;
    listing->capacity = capacity;
    return LEASELOCK_OK;
}

static leaselock_status add_row(const leaselock_row *row, void *payload)
{
    leaselock_listing *listing = payload;
    leaselock_state state = row->released            ? LEASELOCK_STATE_RELEASED
                            : row->remaining_ms <= 0 ? LEASELOCK_STATE_EXPIRED
                                                     : LEASELOCK_STATE_HELD;
    if (state != LEASELOCK_STATE_HELD && !listing->all)
        return LEASELOCK_OK;
    if (listing->count == listing->capacity && grow(listing) != LEASELOCK_OK)
        return LEASELOCK_NOMEM;
    size_t resource_size = strlen(row->resource) + 1, client_size = strlen(row->client) + 1;
    char *text = ll_alloc(resource_size + client_size);
    if (!text)
        return LEASELOCK_NOMEM;
    ll_entry entry = {.resource = memcpy(text, row->resource, resource_size),
                      .client = memcpy(text + resource_size, row->client, client_size),
                      .sequence = row->sequence,
                      .ttl_ms = row->ttl_ms,
                      .remaining_ms = state == LEASELOCK_STATE_HELD ? row->remaining_ms : 0,
                      .expires_at_ms = row->expires_at_ms,
                      .state = state};
    listing->entries[listing->count++] = entry;
    return LEASELOCK_OK;
}

typedef struct list_work {
    const leaselock_engine *engine;
    const char *resource;
    leaselock_listing *listing;
} list_work;

static leaselock_status list(leaselock_connection *connection, const leaselock_call *call, void *payload)
{
    const list_work *work = payload;
    empty(work->listing); /* of what an earlier try had read before it failed */
    return work->engine->list(connection, work->resource, call, add_row, work->listing);
}

leaselock_status leaselock_lock_list(leaselock_lock *lock, const leaselock_list_options *given, leaselock_listing **out)
{
    leaselock_list_options options;
    leaselock_status status = ll_lock_check(lock);
    if (status == LEASELOCK_OK)
        status = LL_OPTIONS_READ(given, &options);
    if (status == LEASELOCK_OK && options.resource)
        status = ll_text_check_id(options.resource, "resource");
    if (status == LEASELOCK_OK && !out)
        status = ll_error_set(LEASELOCK_INVALID, "out is NULL");
    leaselock_listing *listing = status == LEASELOCK_OK ? ll_alloc(sizeof *listing) : NULL;
    if (!listing)
        return status == LEASELOCK_OK ? LEASELOCK_NOMEM : status;
    listing->all = options.all || options.resource;
    ll_operation operation;
    ll_operation_begin(&operation, lock);
    list_work work = {lock->engine, options.resource, listing};
    status = ll_operation_work(&operation, list, &work);
    if (status == LEASELOCK_OK)
        *out = listing;
    else
        leaselock_listing_free(listing);
    return status;
}

static const ll_entry *entry_at(const leaselock_listing *listing, size_t index)
{
    static const ll_entry none;
    return listing && index < listing->count ? &listing->entries[index] : &none;
}

size_t leaselock_listing_count(const leaselock_listing *listing)
{
    return listing ? listing->count : 0;
}

const char *leaselock_listing_resource(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->resource;
}

const char *leaselock_listing_client(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->client;
}

int64_t leaselock_listing_sequence(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->sequence;
}

int64_t leaselock_listing_ttl(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->ttl_ms;
}

int64_t leaselock_listing_remaining(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->remaining_ms;
}

int64_t leaselock_listing_expiry(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->expires_at_ms;
}

leaselock_state leaselock_listing_state(const leaselock_listing *listing, size_t index)
{
    return entry_at(listing, index)->state;
}

void leaselock_listing_free(leaselock_listing *listing)
{
    if (!listing)
        return;
    empty(listing);
    ll_free(listing->entries);
    ll_free(listing);
}

typedef struct floor_work {
    const leaselock_engine *engine;
    int64_t floor, in_force;
} floor_work;

static leaselock_status raise_floor(leaselock_connection *connection, const leaselock_call *call, void *payload)
{
    floor_work *work = payload;
    return work->engine->raise_floor(connection, work->floor, call, &work->in_force);
}

leaselock_status leaselock_lock_raise_floor(leaselock_lock *lock, int64_t floor, int64_t *out)
{
    leaselock_status status = ll_lock_check(lock);
    if (status == LEASELOCK_OK && (floor < 0 || floor > LEASELOCK_FLOOR_MAX))
        status = ll_error_set(LEASELOCK_INVALID, "floor has to be from 0 to 2^62");
    if (status != LEASELOCK_OK)
        return status;
    ll_operation operation;
    ll_operation_begin(&operation, lock);
    floor_work work = {lock->engine, floor, 0};
    status = ll_operation_work(&operation, raise_floor, &work);
    if (status == LEASELOCK_OK && out)
        *out = work.in_force;
    return status;
}
