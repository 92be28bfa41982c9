/* Every call on a file, and every allocation, fails while migrations run: nothing crashes, leaks, or is half done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/faults.h"
#include "fault/migrated.h"
#include "fault/resources.h"
#include "support/allocator.h"

/* What is done to a database, and where that leads. */
typedef struct task {
    const char *name;
    int64_t start, goal; /* the version before and after */
    leaselock_status (*run)(leaselock_migrations *, leaselock_migration_result **);
    leaselock_status status; /* what it answers where no call fails */
} task;

/* The library's own allocations are one more kind of call. */
enum { NO_MEMORY = FAULTS_MODES, KINDS };

typedef struct place {
    const task *task;
    const char *journal;
    int kind; /* a faults_mode, or NO_MEMORY */
    bool lasting;
    int call;
} place;

static const char *describe(const place *at)
{
    static const char *const kinds[] = {"an error",          "a full disk",           "a torn write",
                                        "a lock that is held", "no memory for SQLite", "no memory"};
    static char text[160];
    snprintf(text, sizeof text, "%s (%s), %s at call %d%s", at->task->name, at->journal, kinds[at->kind], at->call,
             at->lasting ? " and all later ones" : "");
    return text;
}

#define check(condition)                                                                                            \
    do {                                                                                                            \
        if (!(condition))                                                                                           \
            fail_msg("%s: not so: %s (last error %s: %s)", describe(at), #condition,                                \
                     leaselock_error_name(leaselock_error_last()->code), leaselock_error_last()->message);          \
    } while (0)

/* --- the tasks ------------------------------------------------------------------------------------------------- */

static leaselock_status go_to_two(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    return leaselock_migrations_goto(migrations, 2, out);
}

static leaselock_status force_two(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    return leaselock_migrations_force(migrations, 2, out);
}

static leaselock_status look(leaselock_migrations *migrations, leaselock_migration_result **out)
{
    (void)out;
    int64_t version;
    bool dirty;
    leaselock_migration_listing *listing = NULL;
    leaselock_status status = leaselock_migrations_version(migrations, &version, &dirty);
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_status(migrations, &listing);
    leaselock_migration_listing_free(listing);
    return status;
}

/* The first are those that most is tried with. */
static const task tasks[] = {
    {"up", 0, 3, leaselock_migrations_up, LEASELOCK_OK},
    {"goto", 1, 2, go_to_two, LEASELOCK_OK},
    {"down", 3, 0, leaselock_migrations_down, LEASELOCK_OK},
    {"force", 2, 2, force_two, LEASELOCK_OK},
    {"drop", 3, 0, leaselock_migrations_drop, LEASELOCK_OK},
    {"look", 2, 2, look, LEASELOCK_OK},
};
static const task failing_task = {"up that fails", 2, 3, leaselock_migrations_up, LEASELOCK_MIGRATION_FAILED};

/* --- what must not be left over -------------------------------------------------------------------------------- */

static void check_nothing_left(const place *at, const resources *before)
{
    resources after = resources_now();
    check(after.memory == before->memory);
    check(after.sqlite_memory == before->sqlite_memory);
    check(after.files == before->files);
    check(after.descriptors == before->descriptors);
}

/* --- the file at the beginning --------------------------------------------------------------------------------- */

static char bytes[MIGRATED_LAST + 1][1 << 16];
static size_t sizes[MIGRATED_LAST + 1];

/* Databases at each version, without a WAL beside them. */
static void prepare(const char *journal)
{
    char pragma[64];
    for (int64_t version = 0; version <= MIGRATED_LAST; version++) {
        delete_database();
        snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s", journal);
        database_run(pragma);
        leaselock_migrations *migrations = open_patiently();
        if (version > 0)
            assert_ok(leaselock_migrations_goto(migrations, version, NULL));
        end_migrations(migrations);
        database_run("PRAGMA wal_checkpoint(TRUNCATE)");
        sizes[version] = read_file(database_path(), bytes[version], sizeof bytes[version]);
    }
}

static void begin_at(int64_t version)
{
    delete_database();
    unlink(in_folder("leases.db-journal"));
    write_file(database_path(), bytes[version], sizes[version]);
}

/* --- every call ------------------------------------------------------------------------------------------------ */

static void arm(const place *at)
{
    if (at->kind == NO_MEMORY)
        allocator_fail((size_t)at->call, at->lasting);
    else
        faults_arm((faults_mode)at->kind, at->call, at->lasting);
}

static bool disarm(const place *at)
{
    return at->kind == NO_MEMORY ? allocator_heal() : faults_disarm();
}

/*
 * Opens and runs the task; what is answered is what the record says. *migrations is NULL where it could not be opened.
 */
static leaselock_status run_task(const place *at, leaselock_migrations **migrations)
{
    static const leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = 1};
    leaselock_migration_result *result = NULL;
    leaselock_status status =
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, migrations);
    check((status == LEASELOCK_OK) == (*migrations != NULL));
    if (status == LEASELOCK_OK)
        status = at->task->run(*migrations, &result);
    leaselock_error error = *leaselock_error_last();
    check(error.code == status && (error.message[0] != '\0') == (status != LEASELOCK_OK));
    check(status == LEASELOCK_OK || !result);
    leaselock_migration_result_free(result);
    return status;
}

/* Now that calls succeed again, the handle that saw them fail says what is in the file. */
static void check_handle(const place *at, leaselock_migrations *migrations)
{
    int64_t version = 0, there = migrated_version(database_path(), describe(at));
    check(leaselock_migrations_version(migrations, &version, NULL) == LEASELOCK_OK);
    check(there == (version == LEASELOCK_NO_VERSION ? 0 : version));
    database_run("BEGIN IMMEDIATE; ROLLBACK"); /* nor does it keep others out */
}

static void end(const place *at, leaselock_migrations *migrations)
{
    if (migrations)
        check(leaselock_migrations_close(migrations) == LEASELOCK_OK);
    leaselock_migrations_free(migrations);
}

/* A failure has to be of the kind that was caused; the library's own memory is never missed without one. */
static void check_answer(const place *at, leaselock_status status, bool failed)
{
    static const leaselock_status answers[KINDS] = {LEASELOCK_IO,          LEASELOCK_FULL,  LEASELOCK_IO,
                                                    LEASELOCK_UNAVAILABLE, LEASELOCK_NOMEM, LEASELOCK_NOMEM};
    if (!failed || (at->kind != NO_MEMORY && status == at->task->status))
        assert_status(at->task->status, status);
    else if (status != answers[at->kind])
        fail_msg("%s: %s", describe(at), leaselock_error_name(status));
}

/* Where the database is now: at the goal, or not past it and all of what it says it is. */
static void check_state(const place *at, leaselock_status status)
{
    int64_t version = migrated_version(database_path(), describe(at)), start = at->task->start, goal = at->task->goal;
    if (status == at->task->status)
        check(version == goal);
    else
        check(start <= goal ? start <= version && version <= goal : goal <= version && version <= start);
}

/* With faults over, a fresh handle gets to the goal. */
static void go_on(const place *at)
{
    leaselock_migrations *migrations = open_patiently();
    leaselock_migration_result *result = NULL;
    int64_t goal = at->task->goal;
    check((goal > 0 ? leaselock_migrations_goto(migrations, goal, &result)
                    : leaselock_migrations_down(migrations, &result)) == LEASELOCK_OK);
    check(leaselock_migration_succeeded(result));
    leaselock_migration_result_free(result);
    end_migrations(migrations);
    check(migrated_version(database_path(), describe(at)) == goal);
}

/* Again and again, with a later call failing each time, until none is left to fail. Returns how many there were. */
static int fail_each_call(place tried, int stride)
{
    const place *at = &tried;
    for (bool failed = true; failed; tried.call += stride) {
        begin_at(at->task->start);
        resources before = resources_now();
        bool used_again = at->call / 2 % 2; /* else closed while calls fail */
        leaselock_migrations *migrations = NULL;
        arm(at);
        leaselock_status status = run_task(at, &migrations);
        if (!used_again)
            end(at, migrations);
        failed = disarm(at);
        check_answer(at, status, failed);
        if (used_again && migrations)
            check_handle(at, migrations);
        if (used_again)
            end(at, migrations);
        check_state(at, status);
        go_on(at);
        check_nothing_left(at, &before);
    }
    return tried.call;
}

/* Every call only where there is time for it: else once and lasting take turns, and some kinds leave more out. */
static void fail_task(const task *of, const char *journal, int kind)
{
    static const int strides[KINDS] = {3, 5, 5, 2, 97, 1};
    int stride = getenv("LEASELOCK_LONG_TESTS") ? 1 : strides[kind];
    for (int lasting = 0; lasting < 2; lasting++) {
        place first = {of, journal, kind, lasting, stride > 1 ? 1 + lasting : 1};
        int calls = fail_each_call(first, stride);
        print_message("%s: %d calls\n", describe(&first), calls);
    }
}

static void fail_everywhere(int kind)
{
    size_t count = sizeof tasks / sizeof *tasks;
    bool all = kind == FAULTS_ERROR || kind == NO_MEMORY || getenv("LEASELOCK_LONG_TESTS");
    migrated_files();
    prepare("DELETE");
    for (size_t i = 0; i < (all ? count : 3); i++)
        fail_task(&tasks[i], "DELETE", kind);
    prepare("WAL");
    for (size_t i = 0; i < (all ? 3 : 1); i++)
        fail_task(&tasks[i], "WAL", kind);
    migration_file("4_bad.up.sql",
                   "CREATE TABLE d (x);\nINSERT INTO steps VALUES (4);\nINSERT INTO nothing VALUES (1);");
    fail_task(&failing_task, "WAL", kind);
}

TEST(errors)
{
    fail_everywhere(FAULTS_ERROR);
}

TEST(a_full_disk)
{
    fail_everywhere(FAULTS_FULL);
}

TEST(torn_writes)
{
    fail_everywhere(FAULTS_TORN);
}

TEST(locks_that_are_held)
{
    fail_everywhere(FAULTS_BUSY);
}

TEST(no_memory_for_sqlite)
{
    fail_everywhere(FAULTS_NOMEM);
}

TEST(no_memory)
{
    fail_everywhere(NO_MEMORY);
}

int main(void)
{
    static const shim_observer observers[] = {{faults_before, NULL}, {NULL, NULL}};
    allocator_install();
    faults_install_memory();
    shim_install(observers);
    shim_take_no_time(true);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(errors),
        IN_FOLDER(a_full_disk),
        IN_FOLDER(torn_writes),
        IN_FOLDER(locks_that_are_held),
        IN_FOLDER(no_memory_for_sqlite),
        IN_FOLDER(no_memory),
    };
    return cmocka_run_group_tests_name("fault_migrations", tests, NULL, NULL);
}
