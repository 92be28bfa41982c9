#include "migrate/runner.h"

#include <stdio.h>
#include <string.h>

#include "migrate/failure.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum { DIRTY_PAUSE_US = 100000 };

static void start_wait(const ll_runner *runner)
{
    if (runner->wait_ms != 0)
        runner->call->until_ms = runner->wait_ms == LEASELOCK_FOREVER ? INT64_MAX : ll_clock_after(runner->wait_ms);
}

static leaselock_status read_row(const ll_runner *runner, leaselock_version_row *row)
{
    const char *table = runner->table.name;
    memset(row, 0, sizeof *row);
    leaselock_status status = runner->slots->read_version(runner->connection, &runner->table, runner->call, row);
    if (status != LEASELOCK_OK)
        return status;
    switch (row->kind) {
    case LEASELOCK_VERSION_FOREIGN:
        return ll_error_set(LEASELOCK_FOREIGN_TABLES,
                            "the table %s is not golang-migrate's, but another tool's (%s): choose another one, by "
                            "x-migrations-table in the URL",
                            table, row->detail);
    case LEASELOCK_VERSION_MANY:
        return ll_error_set(LEASELOCK_VERSION_ROWS,
                            "the table %s has more than one row: find out which version is right, and set it by force",
                            table);
    case LEASELOCK_VERSION_UNREADABLE:
        return ll_error_set(LEASELOCK_BAD_VERSION,
                            "the row of %s cannot be used (%s): find out which version is right, and "
                            "set it by force",
                            table, row->detail);
    case LEASELOCK_VERSION_NONE:
        row->version = LEASELOCK_NO_VERSION;
        break;
    case LEASELOCK_VERSION_ROW:
        break;
    }
    return LEASELOCK_OK;
}

leaselock_status ll_runner_version(const ll_runner *runner, int64_t *version, bool *dirty)
{
    leaselock_version_row row;
    start_wait(runner);
    leaselock_status status = read_row(runner, &row);
    if (status != LEASELOCK_OK)
        return status;
    *version = row.version;
    *dirty = row.dirty;
    return LEASELOCK_OK;
}

static leaselock_status dirty(int64_t version)
{
    char at[32] = "no version";
    if (version != LEASELOCK_NO_VERSION)
        snprintf(at, sizeof at, "version %lld", (long long)version);
    return ll_error_set(
        LEASELOCK_DIRTY,
        "the database is dirty at %s: the migration that leads there failed half-way (or still runs elsewhere). "
        "Look what of it is done, repair that by hand, then set by force the version that the schema is at now",
        at);
}

/* Under the lock that other runners take, too: what is dirty then is nobody's work in progress. */
static leaselock_status read_alone(const ll_runner *runner, leaselock_version_row *row)
{
    leaselock_status status = runner->slots->begin(runner->connection, NULL, runner->call);
    if (status == LEASELOCK_OK)
        status = read_row(runner, row);
    runner->slots->rollback(runner->connection);
    return status;
}

static int stop_asked(const ll_runner *runner)
{
    return runner->stop ? atomic_load(&runner->stop->asked) : 0;
}

/*
 * golang-migrate marks the row while a migration runs: what is dirty for a moment only is no failure. Where it takes no
 * lock, time tells.
 */
static leaselock_status read_clean(const ll_runner *runner, leaselock_migration_result *result)
{
    bool locks = runner->slots->exclude != NULL, alone = false;
    start_wait(runner);
    for (;;) {
        leaselock_version_row row;
        leaselock_status status = alone ? read_alone(runner, &row) : read_row(runner, &row);
        if (status != LEASELOCK_OK)
            return status;
        result->to = row.version;
        result->dirty = row.dirty;
        if (!row.dirty)
            return LEASELOCK_OK;
        if (stop_asked(runner))
            return LEASELOCK_INTERRUPTED;
        if (alone || runner->wait_ms == 0 || (!locks && ll_clock_boot() >= runner->call->until_ms))
            return dirty(row.version);
        alone = locks;
        status = locks ? LEASELOCK_OK : runner->call->pause(runner->call, DIRTY_PAUSE_US);
        if (status != LEASELOCK_OK)
            return status;
    }
}

/* How far one migration came. */
typedef enum ll_reach {
    LL_UNTOUCHED, /* not begun; or all of it is rolled back; or another runner was faster */
    LL_HALF_DONE,      /* outside of a transaction: the row is dirty */
    LL_DONE
} ll_reach;

/* Takes the write lock; *as_seen is false, and nothing is held, where the version is another by now. */
static leaselock_status begin_at(const ll_runner *runner, const leaselock_script *script, int64_t seen, bool *as_seen)
{
    leaselock_version_row row;
    start_wait(runner);
    leaselock_status status = runner->slots->begin(runner->connection, script, runner->call);
    if (status == LEASELOCK_OK)
        status = read_row(runner, &row);
    if (status != LEASELOCK_OK)
        return status;
    *as_seen = row.version == seen && !row.dirty;
    if (*as_seen)
        status = runner->slots->create_table(runner->connection, &runner->table);
    else
        runner->slots->rollback(runner->connection);
    return status;
}

static leaselock_status write_and_commit(const ll_runner *runner, int64_t version, bool is_dirty)
{
    leaselock_status status =
        runner->slots->write_version(runner->connection, &runner->table, version, is_dirty);
    start_wait(runner);
    return status == LEASELOCK_OK ? runner->slots->commit(runner->connection, runner->call) : status;
}

/* Body and version in one transaction. */
static leaselock_status run_inside(const ll_runner *runner, leaselock_script *script, int64_t after)
{
    leaselock_status status = script ? runner->slots->run(runner->connection, script, runner->call) : LEASELOCK_OK;
    return status == LEASELOCK_OK ? write_and_commit(runner, after, false) : status;
}

static leaselock_status add_dirty_note(int64_t version)
{
    leaselock_error failure;
    ll_error_save(&failure);
    size_t used = strlen(failure.message);
    snprintf(failure.message + used, sizeof failure.message - used,
             "; it could not run in a transaction, so the database is dirty at %lld now", (long long)version);
    return ll_error_restore(&failure);
}

/* As golang-migrate does it: the row is dirty while the body runs, and stays so when it fails. */
static leaselock_status run_outside(const ll_runner *runner, leaselock_script *script, int64_t after,
                                    ll_reach *reach)
{
    leaselock_status status = write_and_commit(runner, after, true);
    if (status != LEASELOCK_OK)
        return status;
    *reach = LL_HALF_DONE;
    ll_log(LEASELOCK_LOG_WARNING, "migrate", "%s cannot run in a transaction: the version is marked as dirty meanwhile",
           script->name);
    status = runner->slots->run(runner->connection, script, runner->call);
    runner->slots->rollback(runner->connection);
    if (status != LEASELOCK_OK)
        return add_dirty_note(after);
    start_wait(runner);
    status = runner->slots->begin(runner->connection, NULL, runner->call);
    if (status == LEASELOCK_OK)
        status = runner->slots->create_table(runner->connection, &runner->table);
    return status == LEASELOCK_OK ? write_and_commit(runner, after, false) : status;
}

/* Other runners, for as long as a script is outside of a transaction. */
static leaselock_status exclude(const ll_runner *runner)
{
    start_wait(runner);
    return runner->slots->exclude ? runner->slots->exclude(runner->connection, runner->call) : LEASELOCK_OK;
}

/* One migration that is loaded and examined. */
static leaselock_status apply(const ll_runner *runner, leaselock_script *script, int64_t before, int64_t after,
                              ll_reach *reach)
{
    bool outside = script && script->outside, as_seen = false;
    leaselock_status status = outside ? exclude(runner) : LEASELOCK_OK;
    if (status == LEASELOCK_OK)
        status = begin_at(runner, outside ? NULL : script, before, &as_seen);
    if (status == LEASELOCK_OK && as_seen) {
        if (runner->stop)
            atomic_store(&runner->stop->inside, true);
        status = outside ? run_outside(runner, script, after, reach) : run_inside(runner, script, after);
        if (runner->stop)
            atomic_store(&runner->stop->inside, false);
        if (status == LEASELOCK_OK)
            *reach = LL_DONE;
    }
    runner->slots->rollback(runner->connection);
    if (outside && runner->slots->readmit)
        runner->slots->readmit(runner->connection);
    return status;
}

/* What only turns out in a transaction to be impossible there is applied without. */
static leaselock_status apply_as_possible(const ll_runner *runner, leaselock_script *script, int64_t before,
                                          int64_t after, ll_reach *reach)
{
    bool outside = script->outside;
    leaselock_status status = apply(runner, script, before, after, reach);
    if (status != LEASELOCK_MIGRATION_FAILED || outside || !script->outside)
        return status;
    script->failed_at = 0;
    return apply(runner, script, before, after, reach);
}

/* Reads the body before the database is touched, then applies it. No body: only the version moves. */
static leaselock_status load_and_apply(const ll_runner *runner, const ll_body *body, int64_t before, int64_t after,
                                       ll_reach *reach)
{
    if (!body->file)
        return apply(runner, NULL, before, after, reach);
    ll_text text;
    leaselock_script script = {.name = body->file};
    leaselock_status status = ll_source_load(runner->source, body, &text);
    if (status == LEASELOCK_OK) {
        script.text = text.text;
        script.size = text.size;
        status = runner->slots->examine(runner->connection, &script);
        if (status == LEASELOCK_OK)
            status = script.empty ? apply(runner, NULL, before, after, reach)
                                  : apply_as_possible(runner, &script, before, after, reach);
    }
    if (status == LEASELOCK_MIGRATION_FAILED || status == LEASELOCK_BAD_MIGRATION)
        ll_failure_note(runner->failure, body->file, script.text, script.failed_at);
    if (script.text)
        ll_free(text.owned);
    return status;
}

static void log_step(const ll_step *step)
{
    ll_log(LEASELOCK_LOG_INFO, "migrate", "%s %lld %s (%lld ms)", step->up ? "applied" : "took back",
           (long long)step->version, step->title, (long long)step->duration_ms);
}

/* The next migration of the plan. result->to is where the database is afterwards, by us or by another runner. */
static leaselock_status advance(const ll_runner *runner, const ll_plan *plan, leaselock_migration_result *result)
{
    const ll_migration *migration;
    int64_t after, started = ll_clock_boot();
    leaselock_status status = ll_plan_next(runner->source, plan, result->to, &migration, &after);
    if (status != LEASELOCK_OK)
        return status;
    const ll_body *body = plan->up ? &migration->up : &migration->down;
    status = ll_result_reserve(result, body->file ? body->title : "", body->file ? body->file : "");
    ll_reach reach = LL_UNTOUCHED;
    if (status == LEASELOCK_OK)
        status = load_and_apply(runner, body, result->to, after, &reach);
    result->dirty = reach == LL_HALF_DONE;
    if (reach != LL_UNTOUCHED)
        result->to = after;
    if (status != LEASELOCK_OK)
        return status;
    if (reach == LL_UNTOUCHED)
        return read_clean(runner, result);
    ll_result_add(result, migration->version, plan->up, ll_clock_boot() - started);
    log_step(result->steps + result->count - 1);
    if (runner->progress)
        runner->progress(result, runner->payload);
    return LEASELOCK_OK;
}

static leaselock_status conflict(int64_t left, int64_t found)
{
    return ll_error_set(
        LEASELOCK_MIGRATION_CONFLICT,
        "another runner moved the database from version %lld to %lld meanwhile: run one after the other",
        (long long)left, (long long)found);
}

/* Migration after migration, until the plan is reached or somebody stops it. */
static leaselock_status follow(const ll_runner *runner, const ll_goal *goal, ll_plan *plan,
                               leaselock_migration_result *result)
{
    result->kind = LEASELOCK_MIGRATION_RUNNING;
    while (!plan->nothing && !ll_plan_reached(plan, result->to)) {
        size_t count = result->count;
        if (stop_asked(runner))
            return LEASELOCK_INTERRUPTED;
        int64_t left = result->to;
        leaselock_status status = advance(runner, plan, result);
        if (status != LEASELOCK_OK)
            return status;
        if (result->count > count || result->to == left)
            continue;
        if (result->count == 0) {
            result->from = result->to;
            status = ll_plan_make(runner->source, goal, result->to, plan);
            if (status != LEASELOCK_OK)
                return status;
        } else if (plan->up != (result->to > left)) {
            return conflict(left, result->to);
        }
    }
    bool changed = result->count > 0;
    result->missing = changed ? plan->missing : 0;
    result->kind = result->missing ? LEASELOCK_MIGRATION_SHORT
                   : changed       ? LEASELOCK_MIGRATION_DONE
                                   : LEASELOCK_MIGRATION_NO_CHANGE;
    return LEASELOCK_OK;
}

/* A run that was stopped is a result; a hook's interrupt is not. */
static leaselock_status finish(const ll_runner *runner, leaselock_status status, leaselock_migration_result *result,
                               leaselock_migration_result **out)
{
    if (status == LEASELOCK_INTERRUPTED && stop_asked(runner)) {
        atomic_store(&runner->stop->asked, 0);
        ll_error_clear();
        result->kind = LEASELOCK_MIGRATION_STOPPED;
        status = LEASELOCK_OK;
    }
    if (status == LEASELOCK_OK && out)
        *out = result;
    else
        leaselock_migration_result_free(result);
    return status;
}

leaselock_status ll_runner_run(const ll_runner *runner, const ll_goal *goal, leaselock_migration_result **out)
{
    leaselock_migration_result *result = ll_result_new();
    if (!result)
        return LEASELOCK_NOMEM;
    leaselock_status status = LEASELOCK_OK;
    if (goal->kind != LL_GOAL_STEPS || goal->number != 0) { /* no steps: not even a look */
        ll_plan plan;
        status = read_clean(runner, result);
        result->from = result->to;
        if (status == LEASELOCK_OK)
            status = ll_plan_make(runner->source, goal, result->to, &plan);
        if (status == LEASELOCK_OK)
            status = follow(runner, goal, &plan, result);
    }
    return finish(runner, status, result, out);
}

leaselock_status ll_runner_force(const ll_runner *runner, int64_t version, leaselock_migration_result **out)
{
    leaselock_migration_result *result = ll_result_new();
    if (!result)
        return LEASELOCK_NOMEM;
    leaselock_version_row row;
    start_wait(runner);
    leaselock_status status = runner->slots->begin(runner->connection, NULL, runner->call);
    if (status == LEASELOCK_OK)
        status = read_row(runner, &row);
    /* what makes the row useless is what force is for */
    if (status == LEASELOCK_VERSION_ROWS || status == LEASELOCK_BAD_VERSION)
        status = LEASELOCK_OK;
    if (status == LEASELOCK_OK)
        status = runner->slots->create_table(runner->connection, &runner->table);
    if (status == LEASELOCK_OK)
        status = write_and_commit(runner, version, false);
    runner->slots->rollback(runner->connection);
    if (status == LEASELOCK_OK) {
        ll_error_clear();
        result->kind = LEASELOCK_MIGRATION_DONE;
        result->from = row.kind == LEASELOCK_VERSION_ROW ? row.version : LEASELOCK_NO_VERSION;
        result->to = version;
    }
    return finish(runner, status, result, out);
}

leaselock_status ll_runner_drop(const ll_runner *runner, leaselock_migration_result **out)
{
    leaselock_migration_result *result = ll_result_new();
    if (!result)
        return LEASELOCK_NOMEM;
    leaselock_version_row row = {.version = LEASELOCK_NO_VERSION};
    int64_t dropped;
    start_wait(runner);
    leaselock_status status = runner->slots->read_version(runner->connection, &runner->table, runner->call, &row);
    if (status == LEASELOCK_OK)
        status = runner->slots->drop(runner->connection, runner->call, &dropped);
    if (status == LEASELOCK_OK) {
        result->kind = dropped ? LEASELOCK_MIGRATION_DONE : LEASELOCK_MIGRATION_NO_CHANGE;
        result->from = row.kind == LEASELOCK_VERSION_ROW ? row.version : LEASELOCK_NO_VERSION;
    }
    return finish(runner, status, result, out);
}
