/* Opening, closing, references. */
#include "core/lock.h"

#include <string.h>
#include <unistd.h>

#include "core/engines.h"
#include "core/keeper.h"
#include "core/options.h"
#include "migrate/runner.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fork.h"
#include "util/text.h"

bool ll_lock_is_forked(const leaselock_lock *lock)
{
    return lock->fork_generation != ll_fork_generation();
}

leaselock_status ll_lock_check(const leaselock_lock *lock)
{
    ll_error_clear();
    if (!lock)
        return ll_error_set(LEASELOCK_INVALID, "lock is NULL");
    if (ll_lock_is_forked(lock))
        return ll_error_set(LEASELOCK_FORKED, "the lock was opened before this process was forked");
    if (atomic_load(&lock->closed))
        return ll_error_set(LEASELOCK_CLOSED, "the lock is closed");
    return LEASELOCK_OK;
}

leaselock_status ll_lock_check_ttl(int64_t ttl_ms)
{
    if (ttl_ms < LEASELOCK_TTL_MIN_MS || ttl_ms > LEASELOCK_TTL_MAX_MS)
        return ll_error_set(LEASELOCK_INVALID, "ttl is %lld ms; it has to be from 100 ms to 24 h", (long long)ttl_ms);
    return LEASELOCK_OK;
}

/* host:pid, cut so that it stays a valid id whatever the host is called. */
static char *default_client(void)
{
    char host[LEASELOCK_ID_MAX + 1] = "";
    gethostname(host, sizeof host - 1);
    size_t length = strlen(host);
    if (length == 0 || !ll_text_is_utf8(host, length))
        memcpy(host, "localhost", sizeof "localhost");
    return ll_format("%.200s:%ld", host, (long)getpid());
}

static leaselock_status read_options(const leaselock_lock_options *given, leaselock_lock_options *options)
{
    leaselock_status status = LL_OPTIONS_READ(given, options);
    if (status != LEASELOCK_OK)
        return status;
    if (options->client && (status = ll_text_check_id(options->client, "client id")) != LEASELOCK_OK)
        return status;
    if (options->ttl_ms == 0)
        options->ttl_ms = LEASELOCK_TTL_DEFAULT_MS;
    if (options->operation_ms == 0)
        options->operation_ms = LEASELOCK_OPERATION_DEFAULT_MS;
    if (options->operation_ms < 0)
        return ll_error_set(LEASELOCK_INVALID, "the operation time is negative");
    return ll_lock_check_ttl(options->ttl_ms);
}

static leaselock_status new_lock(const leaselock_lock_options *options, leaselock_lock **out)
{
    leaselock_lock *lock = ll_alloc(sizeof *lock);
    if (!lock)
        return LEASELOCK_NOMEM;
    lock->client = options->client ? ll_strdup(options->client) : default_client();
    if (!lock->client) {
        ll_free(lock);
        return LEASELOCK_NOMEM;
    }
    lock->references = 1;
    lock->fork_generation = ll_fork_generation();
    lock->ttl_ms = options->ttl_ms;
    lock->operation_ms = options->operation_ms;
    lock->no_install = options->no_install;
    ll_turn_init(&lock->turn);
    *out = lock;
    return LEASELOCK_OK;
}

/* Once: connects, brings the engine's own tables up to date or checks that they are, and makes the connection ready. */
static leaselock_status try_to_connect(const leaselock_lock *lock, const char *url, const leaselock_call *call,
                                       leaselock_connection **out)
{
    const leaselock_engine *engine = lock->engine;
    bool as_it_is = lock->no_install && engine->open_existing;
    leaselock_status status = (as_it_is ? engine->open_existing : engine->open)(url, call, out);
    if (status == LEASELOCK_OK && engine->schema)
        status = lock->no_install
                     ? ll_runner_check(engine, *out, LL_OWN_VERSION_TABLE, call)
                     : ll_runner_install(engine->installation, *out, LL_OWN_VERSION_TABLE, engine->schema, call);
    return status == LEASELOCK_OK ? engine->start(*out, call) : status;
}

static leaselock_status connect_lock(leaselock_lock *lock, const char *url)
{
    ll_operation operation;
    ll_operation_begin(&operation, lock);
    for (unsigned round = 0;; round++) {
        leaselock_connection *connection = NULL;
        leaselock_status status = try_to_connect(lock, url, &operation.call, &connection);
        if (status == LEASELOCK_OK) {
            lock->connection = connection;
            ll_error_clear(); /* of a failure that was overcome */
            return LEASELOCK_OK;
        }
        leaselock_error failure;
        ll_error_save(&failure);
        lock->engine->close(connection);
        if (status == LEASELOCK_UNAVAILABLE)
            status = ll_operation_retry_pause(&operation.call, round);
        if (status != LEASELOCK_OK)
            return status == failure.code ? ll_error_restore(&failure) : status;
        ll_error_clear();
    }
}

leaselock_status leaselock_lock_open(const char *url, const leaselock_lock_options *options, leaselock_lock **out)
{
    ll_error_clear();
    if (!url || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", url ? "out" : "url");
    if (!ll_text_is_utf8(url, strlen(url)))
        return ll_error_set(LEASELOCK_INVALID, "the URL is not valid UTF-8");
    leaselock_lock_options read;
    leaselock_status status = read_options(options, &read);
    const leaselock_engine *engine = NULL;
    if (status == LEASELOCK_OK)
        status = ll_engine_for_url(url, &engine);
    leaselock_lock *lock = NULL;
    if (status == LEASELOCK_OK)
        status = new_lock(&read, &lock);
    if (status != LEASELOCK_OK)
        return status;
    lock->engine = engine;
    status = connect_lock(lock, url);
    if (status == LEASELOCK_OK)
        *out = lock;
    else
        leaselock_lock_free(lock);
    return status;
}

leaselock_status leaselock_lock_close(leaselock_lock *lock)
{
    leaselock_status status = ll_lock_check(lock);
    if (status == LEASELOCK_CLOSED)
        ll_error_clear();
    else if (status != LEASELOCK_OK)
        return status;
    atomic_store(&lock->closed, true);
    ll_wake(&lock->word);
    if (ll_waiting_is_for(lock))
        return LEASELOCK_OK; /* from its hook: the turn may be this thread's own, and is given once the hook returns */
    /* Whoever is in an engine call ends by its next pause or by the call's time; a second close waits here too. */
    ll_turn_take_always(&lock->turn);
    for (unsigned seen = lock->word; atomic_load(&lock->watchers) > 0; seen = lock->word)
        ll_sleep_quietly(&lock->word, seen, 100000);
    ll_keeper *keeper = lock->keeper;
    lock->keeper = NULL;
    leaselock_connection *connection = lock->connection;
    lock->connection = NULL;
    ll_turn_give(&lock->turn);
    ll_keeper_stop_and_wait(keeper);
    lock->engine->close(connection);
    return LEASELOCK_OK;
}

void ll_lock_reference(leaselock_lock *lock)
{
    atomic_fetch_add(&lock->references, 1);
}

void ll_lock_unreference(leaselock_lock *lock)
{
    /* In a forked child everything leaks: mutexes may be locked, and the connection is the parent's. */
    if (atomic_fetch_sub(&lock->references, 1) != 1 || ll_lock_is_forked(lock))
        return;
    ll_keeper_stop(lock->keeper);
    lock->engine->close(lock->connection);
    ll_turn_destroy(&lock->turn);
    ll_free(lock->client);
    ll_free(lock);
}

void leaselock_lock_free(leaselock_lock *lock)
{
    if (lock)
        ll_lock_unreference(lock);
}

const char *leaselock_lock_client(const leaselock_lock *lock)
{
    return lock ? lock->client : NULL;
}

leaselock_status leaselock_lock_interrupt(leaselock_lock *lock)
{
    leaselock_status status = ll_lock_check(lock);
    if (status != LEASELOCK_OK)
        return status;
    atomic_fetch_add(&lock->interrupts, 1);
    ll_wake(&lock->word);
    return LEASELOCK_OK;
}
