/* All migrations of a source, and where a database stands among them. */
#include <string.h>

#include "migrate/runner.h"
#include "leaselock/error.h"
#include "util/alloc.h"

typedef struct ll_listed {
    int64_t version;
    leaselock_migration_state state;
    bool has_up, has_down;
    char *title;
} ll_listed;

struct leaselock_migration_listing {
    int64_t current;
    bool dirty;
    size_t count, pending;
    ll_listed *entries;
};

static leaselock_status add(leaselock_migration_listing *listing, const ll_migration *migration)
{
    const char *title = migration->up.file ? migration->up.title : migration->down.file ? migration->down.title : "";
    bool found = migration->up.file || migration->down.file;
    bool applied = migration->version <= listing->current;
    ll_listed entry = {.version = migration->version,
                       .state = !found    ? LEASELOCK_MIGRATION_MISSING
                                : applied ? LEASELOCK_MIGRATION_APPLIED
                                          : LEASELOCK_MIGRATION_PENDING,
                       .has_up = migration->up.file,
                       .has_down = migration->down.file,
                       .title = ll_strdup(title)};
    if (!entry.title)
        return LEASELOCK_NOMEM;
    listing->entries[listing->count++] = entry;
    listing->pending += entry.state == LEASELOCK_MIGRATION_PENDING;
    return LEASELOCK_OK;
}

/* The database's version has its place among the others even where no file has it. */
static leaselock_status fill(leaselock_migration_listing *listing, const leaselock_migration_source *source)
{
    const ll_migration missing = {.version = listing->current};
    bool placed = listing->current == LEASELOCK_NO_VERSION || ll_source_find(source, listing->current) >= 0;
    leaselock_status status = LEASELOCK_OK;
    for (size_t i = 0; i < source->count && status == LEASELOCK_OK; i++) {
        if (!placed && source->migrations[i].version > listing->current) {
            placed = true;
            status = add(listing, &missing);
        }
        if (status == LEASELOCK_OK)
            status = add(listing, source->migrations + i);
    }
    return status == LEASELOCK_OK && !placed ? add(listing, &missing) : status;
}

leaselock_status ll_listing_new(const leaselock_migration_source *source, int64_t current, bool dirty,
                                leaselock_migration_listing **out)
{
    leaselock_migration_listing *listing = ll_alloc(sizeof *listing);
    if (!listing)
        return LEASELOCK_NOMEM;
    listing->current = current;
    listing->dirty = dirty;
    listing->entries = ll_alloc((source->count + 1) * sizeof *listing->entries);
    leaselock_status status = listing->entries ? fill(listing, source) : LEASELOCK_NOMEM;
    if (status == LEASELOCK_OK)
        *out = listing;
    else
        leaselock_migration_listing_free(listing);
    return status;
}

void leaselock_migration_listing_free(leaselock_migration_listing *listing)
{
    if (!listing)
        return;
    for (size_t i = 0; i < listing->count; i++)
        ll_free(listing->entries[i].title);
    ll_free(listing->entries);
    ll_free(listing);
}

const char *leaselock_migration_state_name(leaselock_migration_state state)
{
    static const char *const names[] = {NULL, "APPLIED", "PENDING", "MISSING"};
    return state >= LEASELOCK_MIGRATION_APPLIED && state <= LEASELOCK_MIGRATION_MISSING ? names[state] : "UNKNOWN";
}

int64_t leaselock_migration_listing_current(const leaselock_migration_listing *listing)
{
    return listing ? listing->current : LEASELOCK_NO_VERSION;
}

bool leaselock_migration_listing_dirty(const leaselock_migration_listing *listing)
{
    return listing && listing->dirty;
}

size_t leaselock_migration_listing_pending(const leaselock_migration_listing *listing)
{
    return listing ? listing->pending : 0;
}

size_t leaselock_migration_listing_count(const leaselock_migration_listing *listing)
{
    return listing ? listing->count : 0;
}

static const ll_listed *entry_at(const leaselock_migration_listing *listing, size_t index)
{
    return listing && index < listing->count ? listing->entries + index : NULL;
}

int64_t leaselock_migration_listing_version(const leaselock_migration_listing *listing, size_t index)
{
    const ll_listed *entry = entry_at(listing, index);
    return entry ? entry->version : 0;
}

const char *leaselock_migration_listing_title(const leaselock_migration_listing *listing, size_t index)
{
    const ll_listed *entry = entry_at(listing, index);
    return entry ? entry->title : NULL;
}

leaselock_migration_state leaselock_migration_listing_state(const leaselock_migration_listing *listing, size_t index)
{
    const ll_listed *entry = entry_at(listing, index);
    return entry ? entry->state : 0;
}

bool leaselock_migration_listing_has_up(const leaselock_migration_listing *listing, size_t index)
{
    const ll_listed *entry = entry_at(listing, index);
    return entry && entry->has_up;
}

bool leaselock_migration_listing_has_down(const leaselock_migration_listing *listing, size_t index)
{
    const ll_listed *entry = entry_at(listing, index);
    return entry && entry->has_down;
}
