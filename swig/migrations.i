/*
 * Migrations, configuration and secrets; a part of leaselock.i. A language's typemaps turn LEASELOCK_NO_VERSION into its
 * own nothing. Any secrets are a handle, nothing, or (Lua) a script's function.
 */
%handle(leaselock_migrations, Migrations, leaselock_migrations_free)
%handle(leaselock_migration_source, MigrationSource, leaselock_migration_source_free)
%handle(leaselock_migration_result, MigrationResult, leaselock_migration_result_free)
%handle(leaselock_migration_listing, MigrationListing, leaselock_migration_listing_free)
%handle(leaselock_config, Config, leaselock_config_free)
%handle(leaselock_secrets, Secrets, leaselock_secrets_free)

%any_secrets

%apply const char *NULLABLE { const char *table, const char *secrets_directory };

%blocking(ll_migrations_open)
%blocking(ll_migrations_open_directory)
%blocking(ll_migrations_open_source)
%blocking(ll_migrations_version)
%blocking(ll_migrations_dirty)
%blocking(leaselock_migrations_close)
%blocking(ll_migrations_up)
%blocking(ll_migrations_down)
%blocking(ll_migrations_steps)
%blocking(ll_migrations_goto)
%blocking(leaselock_migrations_force)
%blocking(leaselock_migrations_drop)
%blocking(leaselock_migrations_status)
%blocking(ll_migrations_create)
%blocking(leaselock_config_load)
%blocking(leaselock_lock_open_config)
%blocking(ll_secrets_get)

%{
/* A run of this thread that a script follows. Runs of several handles may be nested. */
typedef struct ll_followed {
    leaselock_migrations *migrations;
    ll_progress progress; /* NULL: nobody follows */
} ll_followed;
static _Thread_local ll_followed ll_followed_now;

static ll_followed ll_followed_swap(ll_followed followed)
{
    ll_followed before = ll_followed_now;
    ll_followed_now = followed;
    return before;
}

/* What the script raised waits in its interpreter until the run has ended; that it does now. */
static void ll_tell(const leaselock_migration_result *so_far, void *payload)
{
    ll_followed followed = ll_followed_now;
    (void)payload;
    if (followed.progress && !ll_progress_call(followed.progress, so_far))
        leaselock_migrations_stop(followed.migrations, LEASELOCK_STOP_BETWEEN);
}

static leaselock_migrations_options ll_migrations_options(const char *table, ll_wait wait)
{
    return (leaselock_migrations_options){
        .struct_size = sizeof(leaselock_migrations_options), .table = table, .wait_ms = wait, .progress = ll_tell};
}
%}

%inline %{
static leaselock_status ll_migrations_open(const leaselock_config *config, leaselock_secrets *any_secrets,
                                           const char *table, ll_wait wait, leaselock_migrations **OUT)
{
    leaselock_migrations_options options = ll_migrations_options(table, wait);
    return leaselock_migrations_open(config, any_secrets, &options, OUT);
}

static leaselock_status ll_migrations_open_directory(const char *url, const char *directory, const char *table,
                                                     ll_wait wait, leaselock_migrations **OUT)
{
    leaselock_migrations_options options = ll_migrations_options(table, wait);
    return leaselock_migrations_open_directory(url, directory, &options, OUT);
}

static leaselock_status ll_migrations_open_source(const char *url, const leaselock_migration_source *source,
                                                  const char *table, ll_wait wait, leaselock_migrations **OUT)
{
    leaselock_migrations_options options = ll_migrations_options(table, wait);
    return leaselock_migrations_open_source(url, source, &options, OUT);
}

static leaselock_status ll_migration_source_add(leaselock_migration_source *source, const char *name, const char *BYTES,
                                                size_t SIZE)
{
    return leaselock_migration_source_add(source, name, BYTES, SIZE);
}

static leaselock_status ll_migrations_up(leaselock_migrations *migrations, ll_progress progress,
                                         leaselock_migration_result **OUT)
{
    ll_followed outer = ll_followed_swap((ll_followed){migrations, progress});
    leaselock_status status = leaselock_migrations_up(migrations, OUT);
    ll_followed_swap(outer);
    return status;
}

static leaselock_status ll_migrations_down(leaselock_migrations *migrations, ll_progress progress,
                                           leaselock_migration_result **OUT)
{
    ll_followed outer = ll_followed_swap((ll_followed){migrations, progress});
    leaselock_status status = leaselock_migrations_down(migrations, OUT);
    ll_followed_swap(outer);
    return status;
}

static leaselock_status ll_migrations_steps(leaselock_migrations *migrations, int64_t count, ll_progress progress,
                                            leaselock_migration_result **OUT)
{
    ll_followed outer = ll_followed_swap((ll_followed){migrations, progress});
    leaselock_status status = leaselock_migrations_steps(migrations, count, OUT);
    ll_followed_swap(outer);
    return status;
}

static leaselock_status ll_migrations_goto(leaselock_migrations *migrations, int64_t version, ll_progress progress,
                                           leaselock_migration_result **OUT)
{
    ll_followed outer = ll_followed_swap((ll_followed){migrations, progress});
    leaselock_status status = leaselock_migrations_goto(migrations, version, OUT);
    ll_followed_swap(outer);
    return status;
}

static leaselock_status ll_migrations_stop(leaselock_migrations *migrations, bool now)
{
    return leaselock_migrations_stop(migrations, now ? LEASELOCK_STOP_NOW : LEASELOCK_STOP_BETWEEN);
}

static leaselock_status ll_migrations_version(leaselock_migrations *migrations, int64_t *VERSION)
{
    return leaselock_migrations_version(migrations, VERSION, NULL);
}

static leaselock_status ll_migrations_dirty(leaselock_migrations *migrations, bool *ANSWER)
{
    int64_t version;
    return leaselock_migrations_version(migrations, &version, ANSWER);
}

static leaselock_status ll_migrations_create(const char *directory, const char *title, const char *numbering,
                                             int64_t digits, const char *extension, leaselock_migration_result **OUT)
{
    static const char *const numberings[] = {"sequence", "time", "unix"};
    leaselock_numbering number = LEASELOCK_NUMBERING_SEQUENCE;
    while (number <= LEASELOCK_NUMBERING_UNIX && strcmp(numbering, numberings[number]) != 0)
        number++;
    /* 0 is C's default; a script that says 0 is told that it makes no sense */
    leaselock_create_options options = {sizeof options, number, digits > 0 && digits <= INT_MAX ? (int)digits : -1,
                                        extension};
    return leaselock_migrations_create(directory, title, &options, OUT);
}

static leaselock_status ll_config_parse(const char *BYTES, size_t SIZE, const char *name, leaselock_config **OUT)
{
    return leaselock_config_parse(BYTES, SIZE, name, OUT);
}

static leaselock_status ll_secrets_new_directory(const char *secrets_directory, leaselock_secrets **OUT)
{
    return leaselock_secrets_new_directory(secrets_directory, OUT);
}

static leaselock_status ll_secrets_get(leaselock_secrets *secrets, const char *name, char *SECRET)
{
    return leaselock_secrets_get(secrets, name, SECRET, LEASELOCK_SECRET_MAX + 1);
}
%}

typedef int leaselock_migration_kind;
typedef int leaselock_migration_state;

leaselock_status leaselock_migration_source_new(leaselock_migration_source **OUT);
leaselock_status leaselock_migrations_close(leaselock_migrations *migrations);
leaselock_status leaselock_migrations_force(leaselock_migrations *migrations, int64_t version,
                                            leaselock_migration_result **OUT);
leaselock_status leaselock_migrations_drop(leaselock_migrations *migrations, leaselock_migration_result **OUT);
leaselock_status leaselock_migrations_status(leaselock_migrations *migrations, leaselock_migration_listing **OUT);
const char *leaselock_migrations_failed_file(const leaselock_migrations *migrations);
int64_t leaselock_migrations_failed_line(const leaselock_migrations *migrations);
int64_t leaselock_migrations_failed_column(const leaselock_migrations *migrations);
const char *leaselock_migrations_failed_text(const leaselock_migrations *migrations);

leaselock_migration_kind leaselock_migration_result_kind(const leaselock_migration_result *result);
int64_t leaselock_migration_result_missing(const leaselock_migration_result *result);
int64_t leaselock_migration_result_from(const leaselock_migration_result *result);
int64_t leaselock_migration_result_to(const leaselock_migration_result *result);
bool leaselock_migration_result_dirty(const leaselock_migration_result *result);
size_t leaselock_migration_result_count(const leaselock_migration_result *result);
int64_t leaselock_migration_result_version(const leaselock_migration_result *result, size_t index);
const char *leaselock_migration_result_title(const leaselock_migration_result *result, size_t index);
const char *leaselock_migration_result_file(const leaselock_migration_result *result, size_t index);
bool leaselock_migration_result_is_up(const leaselock_migration_result *result, size_t index);
int64_t leaselock_migration_result_duration(const leaselock_migration_result *result, size_t index);

int64_t leaselock_migration_listing_current(const leaselock_migration_listing *listing);
bool leaselock_migration_listing_dirty(const leaselock_migration_listing *listing);
size_t leaselock_migration_listing_count(const leaselock_migration_listing *listing);
int64_t leaselock_migration_listing_version(const leaselock_migration_listing *listing, size_t index);
const char *leaselock_migration_listing_title(const leaselock_migration_listing *listing, size_t index);
leaselock_migration_state leaselock_migration_listing_state(const leaselock_migration_listing *listing, size_t index);
bool leaselock_migration_listing_has_up(const leaselock_migration_listing *listing, size_t index);
bool leaselock_migration_listing_has_down(const leaselock_migration_listing *listing, size_t index);

leaselock_status leaselock_config_new(leaselock_config **OUT);
leaselock_status leaselock_config_load(const char *path, leaselock_config **OUT);
leaselock_status leaselock_config_set(leaselock_config *config, const char *key, const char *value);
const char *leaselock_config_get(const leaselock_config *config, const char *key);
const char *leaselock_config_key(size_t index);
leaselock_status leaselock_lock_open_config(const leaselock_config *config, leaselock_secrets *any_secrets,
                                            leaselock_lock **OUT);

leaselock_status leaselock_secrets_new_static(leaselock_secrets **OUT);
leaselock_status leaselock_secrets_set(leaselock_secrets *secrets, const char *name, const char *value);
leaselock_status leaselock_secrets_new_environment(leaselock_secrets **OUT);
