/* Which database and which files leaselock migrate works on. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/migrate.h"
#include "leaselock/config.h"
#include "leaselock/secrets.h"

static leaselock_migrations_options settings_of(const struct options *options, migrate_progress *progress,
                                                void *payload)
{
    leaselock_migrations_options settings = {
        .struct_size = sizeof settings, .table = options->table, .progress = progress, .payload = payload};
    if (options->waiting == WAIT_FOR)
        settings.wait_ms = options->wait_ms;
    else if (options->waiting == WAIT_NOT)
        settings.wait_ms = 1; /* zero stands for the default */
    return settings;
}

/* --secrets, else the environment where it has any; NULL: none are needed. */
static leaselock_status open_secrets(const struct options *options, leaselock_secrets **out)
{
    if (options->secrets)
        return leaselock_secrets_new_directory(options->secrets, out);
    if (getenv("POSTGRES_USER") || getenv("POSTGRES_PASSWORD"))
        return leaselock_secrets_new_environment(out);
    *out = NULL;
    return LEASELOCK_OK;
}

static leaselock_status open_config(const struct options *options, const leaselock_migrations_options *settings,
                                    leaselock_migrations **out)
{
    leaselock_config *config = NULL;
    leaselock_secrets *secrets = NULL;
    leaselock_status status = leaselock_config_load(options->config, &config);
    if (status == LEASELOCK_OK && options->path)
        status = leaselock_config_set(config, "db.migrations", options->path);
    if (status == LEASELOCK_OK)
        status = open_secrets(options, &secrets);
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_open(config, secrets, settings, out);
    leaselock_secrets_free(secrets);
    leaselock_config_free(config);
    return status;
}

static leaselock_status open_without_files(const char *url, const leaselock_migrations_options *settings,
                                           leaselock_migrations **out)
{
    leaselock_migration_source *none = NULL;
    leaselock_status status = leaselock_migration_source_new(&none);
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_open_source(url, none, settings, out);
    leaselock_migration_source_free(none);
    return status;
}

static int complain_of_missing(const char *what, const char *how)
{
    complain("%s is missing: %s", what, how);
    return EXIT_USAGE;
}

int migrate_open(const struct options *options, bool needs_files, migrate_progress *progress, void *payload,
                 leaselock_migrations **out)
{
    leaselock_migrations_options settings = settings_of(options, progress, payload);
    const char *url = options->db ? options->db : getenv("LEASELOCK_DB");
    leaselock_status status;
    if (options->config && !options->db)
        status = open_config(options, &settings, out);
    else if (!url || !url[0])
        return complain_of_missing("the database", "--db, --config or LEASELOCK_DB says which");
    else if (options->path)
        status = leaselock_migrations_open_directory(url, options->path, &settings, out);
    else if (needs_files)
        return complain_of_missing("the folder of the migrations", "--path or --config says which");
    else
        status = open_without_files(url, &settings, out);
    return status == LEASELOCK_OK ? 0 : exit_with_failure();
}

void migrate_close(leaselock_migrations *migrations)
{
    if (migrations && leaselock_migrations_close(migrations) != LEASELOCK_OK)
        exit_with_failure();
    leaselock_migrations_free(migrations);
}
