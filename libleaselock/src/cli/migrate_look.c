/* leaselock migrate version and status: both take no lock and write nothing. */
#include <limits.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/migrate.h"
#include "cli/migrate_report.h"
#include "cli/output.h"

static void print_version(int64_t version, bool dirty, bool as_json)
{
    struct json json = {0};
    if (as_json) {
        json_open(&json, NULL, '{');
        report_version(&json, "version", version);
        json_truth(&json, "dirty", dirty);
        json_close(&json, '}');
        json_end();
    } else if (version == LEASELOCK_NO_VERSION) {
        printf("none%s\n", dirty ? " (dirty)" : "");
    } else {
        printf("%lld%s\n", (long long)version, dirty ? " (dirty)" : "");
    }
}

static int version(const struct options *options)
{
    leaselock_migrations *migrations = NULL;
    int64_t found;
    bool dirty;
    int code = migrate_open(options, false, NULL, NULL, &migrations);
    if (code == 0 && leaselock_migrations_version(migrations, &found, &dirty) != LEASELOCK_OK)
        code = exit_with_failure();
    if (code == 0) {
        print_version(found, dirty, options->json);
        code = output_finish();
    }
    migrate_close(migrations);
    return code;
}

static void print_json(const leaselock_migration_listing *listing)
{
    struct json json = {0};
    json_open(&json, NULL, '{');
    report_version(&json, "version", leaselock_migration_listing_current(listing));
    json_truth(&json, "dirty", leaselock_migration_listing_dirty(listing));
    json_number(&json, "pending", (int64_t)leaselock_migration_listing_pending(listing));
    json_open(&json, "migrations", '[');
    for (size_t i = 0; i < leaselock_migration_listing_count(listing); i++) {
        json_open(&json, NULL, '{');
        json_number(&json, "version", leaselock_migration_listing_version(listing, i));
        json_text(&json, "title", leaselock_migration_listing_title(listing, i));
        json_text(&json, "state", leaselock_migration_state_name(leaselock_migration_listing_state(listing, i)));
        json_truth(&json, "up", leaselock_migration_listing_has_up(listing, i));
        json_truth(&json, "down", leaselock_migration_listing_has_down(listing, i));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end();
}

/* Versions grow downwards: the last one is the widest. */
static int width_of_versions(const leaselock_migration_listing *listing)
{
    size_t count = leaselock_migration_listing_count(listing);
    long long last = count ? leaselock_migration_listing_version(listing, count - 1) : 0;
    int width = snprintf(NULL, 0, "%lld", last);
    int heading = (int)sizeof "VERSION" - 1;
    return width > heading ? width : heading;
}

static void print_rows(const leaselock_migration_listing *listing)
{
    bool as_table = output_is_terminal();
    int width = width_of_versions(listing);
    if (as_table)
        printf("%-*s  STATE    FILES    TITLE\n", width, "VERSION");
    for (size_t i = 0; i < leaselock_migration_listing_count(listing); i++) {
        char title[4 * NAME_MAX + 1];
        bool up = leaselock_migration_listing_has_up(listing, i);
        bool down = leaselock_migration_listing_has_down(listing, i);
        long long number = leaselock_migration_listing_version(listing, i);
        const char *state = leaselock_migration_state_name(leaselock_migration_listing_state(listing, i));
        const char *files = up && down ? "up,down" : up ? "up" : down ? "down" : "none";
        output_escape(leaselock_migration_listing_title(listing, i), title);
        if (as_table)
            printf("%-*lld  %-7s  %-7s  %s\n", width, number, state, files, title);
        else
            printf("%lld\t%s\t%s\t%s\n", number, state, files, title);
    }
}

static void tell_state(const leaselock_migration_listing *listing)
{
    char at[32] = "no version";
    int64_t current = leaselock_migration_listing_current(listing);
    if (current != LEASELOCK_NO_VERSION)
        snprintf(at, sizeof at, "version %lld", (long long)current);
    if (leaselock_migration_listing_dirty(listing))
        complain("the database is dirty at %s: a migration failed half-way, or still runs", at);
    else if (output_is_terminal())
        complain("at %s, %zu pending", at, leaselock_migration_listing_pending(listing));
}

static int status(const struct options *options)
{
    leaselock_migrations *migrations = NULL;
    leaselock_migration_listing *listing = NULL;
    int code = migrate_open(options, true, NULL, NULL, &migrations);
    if (code == 0 && leaselock_migrations_status(migrations, &listing) != LEASELOCK_OK)
        code = exit_with_failure();
    if (code == 0) {
        if (options->json)
            print_json(listing);
        else
            print_rows(listing);
        code = output_finish();
        if (!options->json)
            tell_state(listing);
    }
    leaselock_migration_listing_free(listing);
    migrate_close(migrations);
    return code;
}

enum { LOOKS = ACCEPT_DB | ACCEPT_JSON | ACCEPT_MIGRATIONS | ACCEPT_PATH | ACCEPT_WAIT };

const struct command migrate_version = {.name = "version", .synopsis = "[OPTION]...", .accepts = LOOKS, .run = version};
const struct command migrate_status = {.name = "status", .synopsis = "[OPTION]...", .accepts = LOOKS, .run = status};
