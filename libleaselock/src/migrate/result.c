#include "migrate/result.h"

#include "leaselock/error.h"
#include "util/alloc.h"

leaselock_migration_result *ll_result_new(void)
{
    leaselock_migration_result *result = ll_alloc(sizeof *result);
    if (result) {
        result->kind = LEASELOCK_MIGRATION_NO_CHANGE;
        result->from = result->to = LEASELOCK_NO_VERSION;
    }
    return result;
}

static leaselock_status grow(leaselock_migration_result *result)
{
    size_t capacity = result->capacity ? 2 * result->capacity : 8;
    ll_step *steps = ll_realloc(result->steps, capacity * sizeof *steps);
    if (!steps)
        return LEASELOCK_NOMEM;
    for (size_t i = result->capacity; i < capacity; i++)
        steps[i] = (ll_step){0};
    result->steps = steps;
    result->capacity = capacity;
    return LEASELOCK_OK;
}

leaselock_status ll_result_reserve(leaselock_migration_result *result, const char *title, const char *file)
{
    if (result->count == result->capacity && grow(result) != LEASELOCK_OK)
        return LEASELOCK_NOMEM;
    ll_step *step = result->steps + result->count;
    ll_free(step->title);
    ll_free(step->file);
    step->title = ll_strdup(title);
    step->file = ll_strdup(file);
    return step->title && step->file ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

void ll_result_add(leaselock_migration_result *result, int64_t version, bool up, int64_t duration_ms)
{
    ll_step *step = result->steps + result->count++;
    step->version = version;
    step->up = up;
    step->duration_ms = duration_ms;
}

void leaselock_migration_result_free(leaselock_migration_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; i < result->capacity; i++) {
        ll_free(result->steps[i].title);
        ll_free(result->steps[i].file);
    }
    ll_free(result->steps);
    ll_free(result);
}

bool leaselock_migration_succeeded(const leaselock_migration_result *result)
{
    return result && (result->kind == LEASELOCK_MIGRATION_DONE || result->kind == LEASELOCK_MIGRATION_NO_CHANGE);
}

leaselock_migration_kind leaselock_migration_result_kind(const leaselock_migration_result *result)
{
    return result ? result->kind : 0;
}

const char *leaselock_migration_kind_name(leaselock_migration_kind kind)
{
    static const char *const names[] = {NULL, "DONE", "NO_CHANGE", "SHORT", "STOPPED", "RUNNING"};
    return kind >= LEASELOCK_MIGRATION_DONE && kind <= LEASELOCK_MIGRATION_RUNNING ? names[kind] : "UNKNOWN";
}

int64_t leaselock_migration_result_missing(const leaselock_migration_result *result)
{
    return result ? result->missing : 0;
}

int64_t leaselock_migration_result_from(const leaselock_migration_result *result)
{
    return result ? result->from : LEASELOCK_NO_VERSION;
}

int64_t leaselock_migration_result_to(const leaselock_migration_result *result)
{
    return result ? result->to : LEASELOCK_NO_VERSION;
}

bool leaselock_migration_result_dirty(const leaselock_migration_result *result)
{
    return result && result->dirty;
}

size_t leaselock_migration_result_count(const leaselock_migration_result *result)
{
    return result ? result->count : 0;
}

static const ll_step *step_at(const leaselock_migration_result *result, size_t index)
{
    return result && index < result->count ? result->steps + index : NULL;
}

int64_t leaselock_migration_result_version(const leaselock_migration_result *result, size_t index)
{
    const ll_step *step = step_at(result, index);
    return step ? step->version : 0;
}

const char *leaselock_migration_result_title(const leaselock_migration_result *result, size_t index)
{
    const ll_step *step = step_at(result, index);
    return step ? step->title : NULL;
}

const char *leaselock_migration_result_file(const leaselock_migration_result *result, size_t index)
{
    const ll_step *step = step_at(result, index);
    return step ? step->file : NULL;
}

bool leaselock_migration_result_is_up(const leaselock_migration_result *result, size_t index)
{
    const ll_step *step = step_at(result, index);
    return step && step->up;
}

int64_t leaselock_migration_result_duration(const leaselock_migration_result *result, size_t index)
{
    const ll_step *step = step_at(result, index);
    return step ? step->duration_ms : 0;
}
