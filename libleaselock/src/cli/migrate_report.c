#include "cli/migrate_report.h"

#include <limits.h>
#include <stdio.h>

#include "cli/exit.h"
#include "cli/migrate_place.h"
#include "cli/output.h"

void report_version(struct json *json, const char *key, int64_t version)
{
    if (version == LEASELOCK_NO_VERSION)
        json_null(json, key);
    else
        json_number(json, key, version);
}

void report_begin(struct report *report)
{
    if (!report->as_json)
        return;
    json_open(&report->json, NULL, '{');
    json_open(&report->json, "migrations", '[');
}

static void print_json(const leaselock_migration_result *result, size_t index, struct json *json)
{
    json_open(json, NULL, '{');
    json_number(json, "version", leaselock_migration_result_version(result, index));
    json_text(json, "title", leaselock_migration_result_title(result, index));
    json_text(json, "file", leaselock_migration_result_file(result, index));
    json_text(json, "direction", leaselock_migration_result_is_up(result, index) ? "up" : "down");
    json_number(json, "ms", leaselock_migration_result_duration(result, index));
    json_close(json, '}');
}

static void print_line(const leaselock_migration_result *result, size_t index)
{
    char title[4 * NAME_MAX + 1];
    bool is_up = leaselock_migration_result_is_up(result, index);
    const char *direction = is_up ? "up" : "down";
    long long version = leaselock_migration_result_version(result, index);
    long long ms = leaselock_migration_result_duration(result, index);
    output_escape(leaselock_migration_result_title(result, index), title);
    if (!output_is_terminal())
        printf("%s\t%lld\t%s\t%lld\n", direction, version, title, ms);
    else if (leaselock_migration_result_file(result, index)[0])
        printf("%s %lld %s (%lld ms)\n", is_up ? "applied" : "took back", version, title, ms);
    else
        printf("%s %lld, which has no file for it\n", is_up ? "applied" : "took back", version);
    fflush(stdout); /* the next one may take long; an error is kept for output_finish() */
}

void report_progress(const leaselock_migration_result *so_far, void *payload)
{
    struct report *report = payload;
    size_t last = leaselock_migration_result_count(so_far) - 1;
    report->from = leaselock_migration_result_from(so_far);
    report->to = leaselock_migration_result_to(so_far);
    report->is_known = true;
    if (report->as_json)
        print_json(so_far, last, &report->json);
    else
        print_line(so_far, last);
}

/* The rest of the object, after the array of migrations. */
static void print_outcome(struct report *report, const char *outcome)
{
    json_close(&report->json, ']');
    json_text(&report->json, "result", outcome);
    if (report->is_known) {
        report_version(&report->json, "from", report->from);
        report_version(&report->json, "to", report->to);
    }
    json_truth(&report->json, "dirty", report->is_dirty);
}

static void end_json(struct report *report)
{
    json_close(&report->json, '}');
    json_end();
}

/* A migration is half done: that is what has to be told. */
static void tell_dirty(struct report *report)
{
    report->is_dirty = true;
    complain("the database is dirty now: see what of that migration is done, repair it by hand, and use force");
}

static void tell(const leaselock_migration_result *result)
{
    long long missing = leaselock_migration_result_missing(result);
    switch (leaselock_migration_result_kind(result)) {
    case LEASELOCK_MIGRATION_NO_CHANGE:
        complain("no change");
        break;
    case LEASELOCK_MIGRATION_SHORT:
        complain("%lld short: there are no more migrations", missing);
        break;
    case LEASELOCK_MIGRATION_STOPPED:
        complain("stopped; what is listed is done");
        break;
    }
}

static int code_of(const leaselock_migration_result *result, bool is_dirty)
{
    if (is_dirty)
        return EXIT_DIRTY;
    switch (leaselock_migration_result_kind(result)) {
    case LEASELOCK_MIGRATION_SHORT:
        return EXIT_SHORT;
    case LEASELOCK_MIGRATION_STOPPED:
        return EXIT_STOPPED;
    default:
        return 0;
    }
}

int report_result(struct report *report, const leaselock_migration_result *result)
{
    report->from = leaselock_migration_result_from(result);
    report->to = leaselock_migration_result_to(result);
    /* a run may be stopped before it has looked */
    if (leaselock_migration_result_kind(result) != LEASELOCK_MIGRATION_STOPPED || report->to != LEASELOCK_NO_VERSION)
        report->is_known = true;
    tell(result);
    if (leaselock_migration_result_dirty(result))
        tell_dirty(report);
    if (report->as_json) {
        print_outcome(report, leaselock_migration_kind_name(leaselock_migration_result_kind(result)));
        json_number(&report->json, "missing", leaselock_migration_result_missing(result));
        end_json(report);
    }
    int written = output_finish(), code = code_of(result, report->is_dirty);
    return code != 0 ? code : written;
}

static void print_failure(struct report *report, const leaselock_error *error, const leaselock_migrations *migrations)
{
    struct json *json = &report->json;
    print_outcome(report, "FAILED");
    json_open(json, "error", '{');
    json_text(json, "name", leaselock_error_name(error->code));
    json_text(json, "message", error->message);
    if (error->sqlstate[0])
        json_text(json, "sqlstate", error->sqlstate);
    if (leaselock_migrations_failed_file(migrations)[0])
        json_text(json, "file", leaselock_migrations_failed_file(migrations));
    if (leaselock_migrations_failed_line(migrations) > 0) {
        json_number(json, "line", leaselock_migrations_failed_line(migrations));
        json_number(json, "column", leaselock_migrations_failed_column(migrations));
    }
    json_close(json, '}');
    end_json(report);
}

static bool is_dirty(leaselock_migrations *migrations)
{
    int64_t version;
    bool dirty;
    return leaselock_migrations_version(migrations, &version, &dirty) == LEASELOCK_OK && dirty;
}

int report_failure(struct report *report, leaselock_migrations *migrations)
{
    const leaselock_error error = *leaselock_error_last(); /* looking for dirt makes another one */
    int code = exit_with_failure();
    place_show(migrations);
    if (error.code == LEASELOCK_UNAVAILABLE) /* it was there when it was opened: others are at work in it */
        code = EXIT_BUSY;
    else if (error.code == LEASELOCK_MIGRATION_FAILED && is_dirty(migrations))
        tell_dirty(report);
    if (report->as_json)
        print_failure(report, &error, migrations);
    output_finish();
    return report->is_dirty ? EXIT_DIRTY : code;
}
