#include "migrate/source.h"

#include <string.h>

#include "migrate/directory.h"
#include "migrate/name.h"
#include "util/alloc.h"
#include "util/error.h"

leaselock_status leaselock_migration_source_new(leaselock_migration_source **out)
{
    ll_error_clear();
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    leaselock_migration_source *source = ll_alloc(sizeof *source);
    if (!source)
        return LEASELOCK_NOMEM;
    *out = source;
    return LEASELOCK_OK;
}

static void clear_body(ll_body *body)
{
    ll_free(body->file);
    ll_free(body->title);
    ll_free(body->text);
}

void leaselock_migration_source_free(leaselock_migration_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++) {
        clear_body(&source->migrations[i].up);
        clear_body(&source->migrations[i].down);
    }
    ll_free(source->migrations);
    ll_free(source->directory);
    ll_free(source);
}

/* Where the version is, or would have to be. */
static size_t place_of(const leaselock_migration_source *source, int64_t version)
{
    size_t low = 0, high = source->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (source->migrations[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t ll_source_find(const leaselock_migration_source *source, int64_t version)
{
    size_t place = place_of(source, version);
    return place < source->count && source->migrations[place].version == version ? (int64_t)place : -1;
}

static leaselock_status insert(leaselock_migration_source *source, size_t place, int64_t version)
{
    if (source->count == source->capacity) {
        size_t capacity = source->capacity ? 2 * source->capacity : 16;
        ll_migration *migrations = ll_realloc(source->migrations, capacity * sizeof *migrations);
        if (!migrations)
            return LEASELOCK_NOMEM;
        source->migrations = migrations;
        source->capacity = capacity;
    }
    ll_migration *at = source->migrations + place;
    memmove(at + 1, at, (source->count - place) * sizeof *at);
    *at = (ll_migration){.version = version};
    source->count++;
    return LEASELOCK_OK;
}

static leaselock_status fill_body(ll_body *body, const char *file, const ll_name *name, const void *text, size_t size)
{
    ll_body filled = {.file = ll_strdup(file),
                      .title = ll_format("%.*s", (int)name->title_length, name->title),
                      .text = text ? ll_alloc(size + 1) : NULL,
                      .size = size};
    if (!filled.file || !filled.title || (text && !filled.text)) {
        clear_body(&filled);
        return LEASELOCK_NOMEM;
    }
    if (text)
        memcpy(filled.text, text, size);
    *body = filled;
    return LEASELOCK_OK;
}

leaselock_status ll_source_add(leaselock_migration_source *source, const char *file, const void *text, size_t size)
{
    ll_name name;
    switch (ll_name_parse(file, &name)) {
    case LL_NAME_OTHER:
        return LEASELOCK_OK;
    case LL_NAME_TOO_LARGE:
        return ll_error_set(LEASELOCK_BAD_MIGRATION, "%s: versions go up to 9223372036854775807", file);
    case LL_NAME_MIGRATION:
        break;
    }
    size_t place = place_of(source, name.version);
    bool known = place < source->count && source->migrations[place].version == name.version;
    ll_migration *at = known ? source->migrations + place : NULL;
    const char *other = at ? (name.up ? at->up.file : at->down.file) : NULL;
    if (other)
        return ll_error_set(LEASELOCK_DUPLICATE_MIGRATION,
                            "duplicate migration file: %s (there is %s): give one another version", file, other);
    leaselock_status status = known ? LEASELOCK_OK : insert(source, place, name.version);
    if (status != LEASELOCK_OK)
        return status;
    at = source->migrations + place;
    status = fill_body(name.up ? &at->up : &at->down, file, &name, text, size);
    if (status != LEASELOCK_OK && !known) { /* a version without any file is none */
        memmove(at, at + 1, (source->count - place - 1) * sizeof *at);
        source->count--;
    }
    return status;
}

leaselock_status leaselock_migration_source_add(leaselock_migration_source *source, const char *name, const void *body,
                                                size_t size)
{
    ll_error_clear();
    if (!source || !name || (!body && size > 0))
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", !source ? "source" : !name ? "name" : "body");
    if (body && memchr(body, 0, size))
        return ll_error_set(LEASELOCK_BAD_MIGRATION, "%s: there is a NUL byte in it", name);
    return ll_source_add(source, name, body ? body : "", size);
}

leaselock_status ll_source_open_schema(const leaselock_schema_step *steps, leaselock_migration_source **out)
{
    leaselock_migration_source *source = NULL;
    leaselock_status status = leaselock_migration_source_new(&source);
    for (; status == LEASELOCK_OK && steps->version; steps++) {
        const char *texts[] = {steps->up_sql, steps->down_sql};
        for (int i = 0; i < 2 && status == LEASELOCK_OK; i++) {
            char *name = ll_format("%06lld_%s.%s.sql", (long long)steps->version, steps->name, i ? "down" : "up");
            status = name ? ll_source_add(source, name, texts[i], strlen(texts[i])) : LEASELOCK_NOMEM;
            ll_free(name);
        }
    }
    if (status == LEASELOCK_OK)
        *out = source;
    else
        leaselock_migration_source_free(source);
    return status;
}

leaselock_status ll_source_copy(const leaselock_migration_source *source, leaselock_migration_source **out)
{
    leaselock_migration_source *copy = NULL;
    leaselock_status status = leaselock_migration_source_new(&copy);
    for (size_t i = 0; status == LEASELOCK_OK && i < source->count; i++) {
        const ll_body *bodies[] = {&source->migrations[i].up, &source->migrations[i].down};
        for (int j = 0; j < 2 && status == LEASELOCK_OK; j++)
            if (bodies[j]->file)
                status = ll_source_add(copy, bodies[j]->file, bodies[j]->text, bodies[j]->size);
    }
    if (status == LEASELOCK_OK)
        *out = copy;
    else
        leaselock_migration_source_free(copy);
    return status;
}

leaselock_status ll_source_load(const leaselock_migration_source *source, const ll_body *body, ll_text *out)
{
    if (body->text) {
        *out = (ll_text){.text = body->text, .size = body->size};
        return LEASELOCK_OK;
    }
    ll_text read = {0};
    leaselock_status status = ll_directory_read(source->directory, body->file, &read.owned, &read.size);
    if (status != LEASELOCK_OK)
        return status;
    if (memchr(read.owned, 0, read.size)) {
        ll_free(read.owned);
        return ll_error_set(LEASELOCK_BAD_MIGRATION, "%s: there is a NUL byte in it: it is no text, or in UTF-16",
                            body->file);
    }
    read.text = read.owned;
    *out = read;
    return LEASELOCK_OK;
}
