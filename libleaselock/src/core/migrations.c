/* The public side of migrations: opening, one run at a time, stopping, closing. */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "core/engines.h"
#include "core/options.h"
#include "core/target.h"
#include "leaselock/migrations.h"
#include "migrate/create.h"
#include "migrate/runner.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fork.h"
#include "util/text.h"
#include "util/thread.h"
#include "util/wait.h"

struct leaselock_migrations {
    unsigned fork_generation;
    const leaselock_engine *engine;
    leaselock_migration_source *source;
    char *table;
    int64_t wait_ms;
    void (*progress)(const leaselock_migration_result *so_far, void *payload);
    void *payload;

    ll_turn turn; /* covers the connection and the failure */
    _Atomic(const char *) user; /* whose turn it is: the address of that thread's `me` */
    leaselock_connection *connection;
    ll_failure failure;

    ll_word word; /* changes when a wait should look again */
    ll_stop stop;
    atomic_bool closed;
};

/* One call on a handle, as the engine sees it. */
typedef struct ll_migrations_call {
    leaselock_call call; /* first: the engine gets a pointer to it */
    leaselock_migrations *migrations;
    bool running; /* a stop is meant for it */
} ll_migrations_call;

static _Thread_local const char me;

static leaselock_status check(const leaselock_migrations *migrations)
{
    ll_error_clear();
    if (!migrations)
        return ll_error_set(LEASELOCK_INVALID, "migrations is NULL");
    if (migrations->fork_generation != ll_fork_generation())
        return ll_error_set(LEASELOCK_FORKED, "the migrations were opened before this process was forked");
    if (atomic_load(&migrations->closed))
        return ll_error_set(LEASELOCK_CLOSED, "the migrations are closed");
    if (atomic_load(&migrations->user) == &me) /* a callback: its turn would never come */
        return ll_error_set(LEASELOCK_INVALID, "these migrations are at work: what they call back may only stop them");
    return LEASELOCK_OK;
}

static leaselock_status ended(const ll_migrations_call *call)
{
    leaselock_migrations *migrations = call->migrations;
    if (atomic_load(&migrations->closed))
        return ll_error_set(LEASELOCK_CLOSED, "the migrations were closed meanwhile");
    int asked = call->running ? atomic_load(&migrations->stop.asked) : 0;
    if (asked == LEASELOCK_STOP_NOW || (asked && !atomic_load(&migrations->stop.inside)))
        return ll_error_set(LEASELOCK_INTERRUPTED, "the migrations were stopped");
    return LEASELOCK_OK;
}

static leaselock_status pause_call(const leaselock_call *engine_call, int64_t microseconds)
{
    const ll_migrations_call *call = (const ll_migrations_call *)engine_call;
    unsigned seen = atomic_load(&call->migrations->word);
    leaselock_status status = ended(call);
    if (status == LEASELOCK_OK)
        status = ll_pause(&call->migrations->word, seen, microseconds);
    return status == LEASELOCK_OK ? ended(call) : status;
}

static void begin_call(ll_migrations_call *call, leaselock_migrations *migrations, int64_t wait_ms)
{
    call->call.pause = pause_call;
    call->call.until_ms = wait_ms == LEASELOCK_FOREVER ? INT64_MAX : ll_clock_after(wait_ms);
    call->migrations = migrations;
    call->running = false;
}

/* ---- opening ---- */

/* The source is the handle's from here on, also where this fails. */
static leaselock_status new_migrations(const leaselock_engine *engine, leaselock_migration_source *source,
                                       leaselock_migrations **out)
{
    leaselock_migrations *migrations = ll_alloc(sizeof *migrations);
    if (!migrations) {
        leaselock_migration_source_free(source);
        return LEASELOCK_NOMEM;
    }
    migrations->fork_generation = ll_fork_generation();
    migrations->engine = engine;
    migrations->source = source;
    ll_turn_init(&migrations->turn);
    *out = migrations;
    return LEASELOCK_OK;
}

/* In whatever quotes and schema. */
static bool is_own_table(const leaselock_migrations *migrations)
{
    const char *dot = strrchr(migrations->table, '.'), *name = dot ? dot + 1 : migrations->table;
    name += strspn(name, "\"`[");
    const char *end = name + strcspn(name, "\"`]");
    size_t length = strlen(LL_OWN_VERSION_TABLE);
    return (size_t)(end - name) == length && strncasecmp(name, LL_OWN_VERSION_TABLE, length) == 0;
}

/* By version and title: there is nothing else that this version table may tell of. */
static bool has_own_files(const leaselock_migrations *migrations)
{
    const leaselock_migration_source *source = migrations->source;
    const leaselock_schema_step *step = migrations->engine->schema;
    for (size_t i = 0; i < source->count; i++, step++) {
        const char *title = source->migrations[i].up.title;
        if (step->version != source->migrations[i].version || !title || strcmp(title, step->name) != 0)
            return false;
    }
    return source->count > 0;
}

static leaselock_status connect(leaselock_migrations *migrations, const char *url,
                                const leaselock_migrations_options *options)
{
    ll_migrations_call call;
    leaselock_migration_settings settings = {0};
    begin_call(&call, migrations, options->wait_ms ? options->wait_ms : LEASELOCK_OPERATION_DEFAULT_MS);
    const leaselock_migration_slots *slots = migrations->engine->migrations;
    leaselock_status status = slots->open(url, options->table, options->borrowed, &call.call, &migrations->connection);
    if (status != LEASELOCK_OK)
        return status;
    slots->settings(migrations->connection, &settings);
    migrations->progress = options->progress;
    migrations->payload = options->payload;
    migrations->wait_ms = options->wait_ms   ? options->wait_ms
                          : settings.wait_ms ? settings.wait_ms
                                             : LEASELOCK_OPERATION_DEFAULT_MS;
    migrations->table = ll_strdup(settings.table ? settings.table : "schema_migrations");
    if (migrations->table && is_own_table(migrations) && !has_own_files(migrations))
        return ll_error_set(LEASELOCK_INVALID, LL_OWN_VERSION_TABLE " is the version table of leaselock's own tables: "
                                               "only share/leaselock/migrations/%s is for it",
                            migrations->engine->name);
    return migrations->table ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

/* What must be right before a directory is read. */
static leaselock_status check_target(const char *url, const leaselock_migrations_options *given,
                                     leaselock_migrations_options *options, const leaselock_engine **engine)
{
    if (!ll_text_is_utf8(url, strlen(url)))
        return ll_error_set(LEASELOCK_INVALID, "the URL is not valid UTF-8");
    leaselock_status status = LL_OPTIONS_READ(given, options);
    if (status == LEASELOCK_OK && options->wait_ms < 0 && options->wait_ms != LEASELOCK_FOREVER)
        status = ll_error_set(LEASELOCK_INVALID, "the waiting time is negative");
    if (status == LEASELOCK_OK)
        status = ll_engine_for_url(url, engine);
    if (status == LEASELOCK_OK && !(*engine)->migrations)
        status = ll_error_set(LEASELOCK_SCHEME, "%s: has no schema to migrate", (*engine)->name);
    return status;
}

static leaselock_status open_with(const leaselock_engine *engine, const char *url, leaselock_migration_source *source,
                                  const leaselock_migrations_options *options, leaselock_migrations **out)
{
    leaselock_migrations *migrations = NULL;
    leaselock_status status = new_migrations(engine, source, &migrations);
    if (status == LEASELOCK_OK)
        status = connect(migrations, url, options);
    if (status == LEASELOCK_OK)
        *out = migrations;
    else
        leaselock_migrations_free(migrations);
    return status;
}

static leaselock_status open_directory(const char *url, const char *directory,
                                       const leaselock_migrations_options *given, leaselock_migrations **out)
{
    leaselock_migrations_options options;
    const leaselock_engine *engine;
    leaselock_migration_source *source = NULL;
    leaselock_status status = check_target(url, given, &options, &engine);
    if (status == LEASELOCK_OK)
        status = ll_source_open_directory(directory, &source);
    return status == LEASELOCK_OK ? open_with(engine, url, source, &options, out) : status;
}

leaselock_status leaselock_migrations_open_directory(const char *url, const char *directory,
                                                     const leaselock_migrations_options *options,
                                                     leaselock_migrations **out)
{
    ll_error_clear();
    if (!url || !directory || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", !url ? "url" : !directory ? "directory" : "out");
    return open_directory(url, directory, options, out);
}

leaselock_status leaselock_migrations_open_source(const char *url, const leaselock_migration_source *source,
                                                  const leaselock_migrations_options *given, leaselock_migrations **out)
{
    ll_error_clear();
    if (!url || !source || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", !url ? "url" : !source ? "source" : "out");
    leaselock_migrations_options options;
    const leaselock_engine *engine;
    leaselock_migration_source *copy = NULL;
    leaselock_status status = check_target(url, given, &options, &engine);
    if (status == LEASELOCK_OK)
        status = ll_source_copy(source, &copy);
    return status == LEASELOCK_OK ? open_with(engine, url, copy, &options, out) : status;
}

leaselock_status leaselock_migrations_open(const leaselock_config *config, leaselock_secrets *secrets,
                                           const leaselock_migrations_options *options, leaselock_migrations **out)
{
    ll_error_clear();
    if (!config || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", config ? "out" : "config");
    char *url = NULL;
    leaselock_status status = ll_target_url(config, secrets, &url);
    if (status == LEASELOCK_OK)
        status = open_directory(url, leaselock_config_get(config, "db.migrations"), options, out);
    ll_target_free(url);
    return status;
}

/* ---- closing ---- */

leaselock_status leaselock_migrations_close(leaselock_migrations *migrations)
{
    leaselock_status status = check(migrations);
    if (status == LEASELOCK_CLOSED)
        ll_error_clear();
    else if (status != LEASELOCK_OK)
        return status;
    /* a run in progress goes on: what it does may not be cancelled by a close */
    ll_turn_take_always(&migrations->turn);
    atomic_store(&migrations->closed, true);
    ll_wake(&migrations->word);
    leaselock_connection *connection = migrations->connection;
    migrations->connection = NULL;
    ll_turn_give(&migrations->turn);
    migrations->engine->close(connection);
    return LEASELOCK_OK;
}

void leaselock_migrations_free(leaselock_migrations *migrations)
{
    /* in a forked child everything leaks: the connection is the parent's */
    if (!migrations || migrations->fork_generation != ll_fork_generation())
        return;
    migrations->engine->close(migrations->connection);
    ll_turn_destroy(&migrations->turn);
    leaselock_migration_source_free(migrations->source);
    ll_free(migrations->table);
    ll_free(migrations);
}

/* ---- running ---- */

static leaselock_status enter(leaselock_migrations *migrations, ll_migrations_call *call)
{
    leaselock_status status = check(migrations);
    if (status != LEASELOCK_OK)
        return status;
    begin_call(call, migrations, migrations->wait_ms);
    status = ll_turn_take(&migrations->turn, &call->call);
    if (status == LEASELOCK_OK && !migrations->connection) {
        ll_turn_give(&migrations->turn);
        status = ll_error_set(LEASELOCK_CLOSED, "the migrations are closed");
    }
    if (status == LEASELOCK_OK)
        atomic_store(&migrations->user, &me);
    return status;
}

static leaselock_status leave(leaselock_migrations *migrations, leaselock_status status)
{
    atomic_store(&migrations->user, NULL);
    ll_turn_give(&migrations->turn);
    if (status == LEASELOCK_OK)
        ll_error_clear(); /* what a callback tried in vain is no news */
    return status;
}

static ll_runner runner_of(leaselock_migrations *migrations, ll_migrations_call *call)
{
    return (ll_runner){.slots = migrations->engine->migrations,
                       .connection = migrations->connection,
                       .table = {migrations->table, is_own_table(migrations) ? LL_OWN_VERSION_TABLE "_version_unique"
                                                                             : "version_unique"},
                       .source = migrations->source,
                       .call = &call->call,
                       .wait_ms = migrations->wait_ms,
                       .stop = &migrations->stop,
                       .failure = &migrations->failure,
                       .progress = migrations->progress,
                       .payload = migrations->payload};
}

typedef leaselock_status (*ll_task)(const ll_runner *runner, const void *argument, leaselock_migration_result **out);

static leaselock_status run(leaselock_migrations *migrations, ll_task task, const void *argument,
                            leaselock_migration_result **out)
{
    ll_migrations_call call;
    leaselock_status status = enter(migrations, &call);
    if (status != LEASELOCK_OK)
        return status;
    call.running = true;
    memset(&migrations->failure, 0, sizeof migrations->failure);
    ll_runner runner = runner_of(migrations, &call);
    status = task(&runner, argument, out);
    atomic_store(&migrations->stop.asked, 0);
    return leave(migrations, status);
}

static leaselock_status reach(const ll_runner *runner, const void *goal, leaselock_migration_result **out)
{
    return ll_runner_run(runner, goal, out);
}

leaselock_status leaselock_migrations_up(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    return run(migrations, reach, &(ll_goal){.kind = LL_GOAL_UP}, out);
}

leaselock_status leaselock_migrations_down(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    return run(migrations, reach, &(ll_goal){.kind = LL_GOAL_DOWN}, out);
}

leaselock_status leaselock_migrations_steps(leaselock_migrations *migrations, int64_t count,
                                            leaselock_migration_result **out)
{
    return run(migrations, reach, &(ll_goal){.kind = LL_GOAL_STEPS, .number = count}, out);
}

leaselock_status leaselock_migrations_goto(leaselock_migrations *migrations, int64_t version,
                                           leaselock_migration_result **out)
{
    leaselock_status status = check(migrations);
    if (status == LEASELOCK_OK && version < 0)
        status =
            ll_error_set(LEASELOCK_INVALID, "there is no version %lld: down goes back to none", (long long)version);
    return status == LEASELOCK_OK ? run(migrations, reach, &(ll_goal){.kind = LL_GOAL_GOTO, .number = version}, out)
                                  : status;
}

static leaselock_status force(const ll_runner *runner, const void *version, leaselock_migration_result **out)
{
    return ll_runner_force(runner, *(const int64_t *)version, out);
}

leaselock_status leaselock_migrations_force(leaselock_migrations *migrations, int64_t version,
                                            leaselock_migration_result **out)
{
    leaselock_status status = check(migrations);
    if (status == LEASELOCK_OK && version < LEASELOCK_NO_VERSION)
        status = ll_error_set(LEASELOCK_INVALID, "version must be >= -1");
    return status == LEASELOCK_OK ? run(migrations, force, &version, out) : status;
}

static leaselock_status drop(const ll_runner *runner, const void *nothing, leaselock_migration_result **out)
{
    (void)nothing;
    return ll_runner_drop(runner, out);
}

leaselock_status leaselock_migrations_drop(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    return run(migrations, drop, NULL, out);
}

leaselock_status leaselock_migrations_stop(leaselock_migrations *migrations, leaselock_stop when)
{
    /* no error record: this may be a signal handler */
    if (!migrations || (when != LEASELOCK_STOP_BETWEEN && when != LEASELOCK_STOP_NOW))
        return LEASELOCK_INVALID;
    /* what was asked for last counts, except that a cancel is not taken back */
    int asked = atomic_load(&migrations->stop.asked);
    if (asked != LEASELOCK_STOP_NOW)
        atomic_store(&migrations->stop.asked, when);
    ll_wake(&migrations->word);
    return LEASELOCK_OK;
}

/* ---- looking ---- */

static leaselock_status read_version(leaselock_migrations *migrations, int64_t *version, bool *dirty)
{
    ll_migrations_call call;
    leaselock_status status = enter(migrations, &call);
    if (status != LEASELOCK_OK)
        return status;
    ll_runner runner = runner_of(migrations, &call);
    return leave(migrations, ll_runner_version(&runner, version, dirty));
}

leaselock_status leaselock_migrations_version(leaselock_migrations *migrations, int64_t *version, bool *dirty)
{
    int64_t found;
    bool is_dirty;
    leaselock_status status = check(migrations);
    if (status == LEASELOCK_OK && !version)
        status = ll_error_set(LEASELOCK_INVALID, "version is NULL");
    if (status == LEASELOCK_OK)
        status = read_version(migrations, &found, &is_dirty);
    if (status != LEASELOCK_OK)
        return status;
    *version = found;
    if (dirty)
        *dirty = is_dirty;
    return LEASELOCK_OK;
}

leaselock_status leaselock_migrations_status(leaselock_migrations *migrations, leaselock_migration_listing **out)
{
    int64_t version;
    bool dirty;
    leaselock_status status = check(migrations);
    if (status == LEASELOCK_OK && !out)
        status = ll_error_set(LEASELOCK_INVALID, "out is NULL");
    if (status == LEASELOCK_OK)
        status = read_version(migrations, &version, &dirty);
    return status == LEASELOCK_OK ? ll_listing_new(migrations->source, version, dirty, out) : status;
}

const char *leaselock_migrations_failed_file(const leaselock_migrations *migrations)
{
    return migrations ? migrations->failure.file : "";
}

int64_t leaselock_migrations_failed_line(const leaselock_migrations *migrations)
{
    return migrations ? migrations->failure.line : 0;
}

int64_t leaselock_migrations_failed_column(const leaselock_migrations *migrations)
{
    return migrations ? migrations->failure.column : 0;
}

const char *leaselock_migrations_failed_text(const leaselock_migrations *migrations)
{
    return migrations ? migrations->failure.text : "";
}

leaselock_status leaselock_migrations_create(const char *directory, const char *title,
                                             const leaselock_create_options *given, leaselock_migration_result **out)
{
    leaselock_create_options options;
    ll_error_clear();
    leaselock_status status = LL_OPTIONS_READ(given, &options);
    return status == LEASELOCK_OK ? ll_create(directory, title, &options, out) : status;
}
