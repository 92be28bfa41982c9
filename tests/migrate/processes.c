/* Processes that are killed, and processes that run at once. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/fixture.h"

/* ---- death at any write ---- */

typedef ssize_t (*write_at)(int, const void *, size_t, off_t);
typedef int (*truncate_to)(int, off_t);
typedef int (*remove_file)(const char *);

static int die_at, calls; /* 0: never */
static bool half;         /* a write that was begun */
static write_at real_write;
static truncate_to real_truncate;
static remove_file real_remove;

static bool is_last(void)
{
    return die_at > 0 && ++calls == die_at;
}

static ssize_t dying_write(int descriptor, const void *bytes, size_t size, off_t offset)
{
    if (is_last()) {
        if (half)
            real_write(descriptor, bytes, size / 2, offset);
        raise(SIGKILL);
    }
    return real_write(descriptor, bytes, size, offset);
}

static int dying_truncate(int descriptor, off_t size)
{
    if (is_last())
        raise(SIGKILL);
    return real_truncate(descriptor, size);
}

static int dying_remove(const char *path)
{
    if (is_last())
        raise(SIGKILL);
    return real_remove(path);
}

static void replace(const char *name, sqlite3_syscall_ptr with, void *real)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr found = vfs->xGetSystemCall(vfs, name);
    memcpy(real, &found, sizeof found);
    if (found)
        vfs->xSetSystemCall(vfs, name, with);
}

/* SQLite asks the system by this table. (It calls fsync itself; a killed process loses nothing by that.) */
static void count_calls(int last, bool in_the_midst)
{
    write_at unused;
    die_at = last;
    half = in_the_midst;
    replace("pwrite64", (sqlite3_syscall_ptr)dying_write, &real_write);
    replace("pwrite", (sqlite3_syscall_ptr)dying_write, real_write ? &unused : &real_write);
    replace("ftruncate", (sqlite3_syscall_ptr)dying_truncate, &real_truncate);
    replace("unlink", (sqlite3_syscall_ptr)dying_remove, &real_remove);
}

/* ---- death between two statements: SELECT die(n) ---- */

static int die_in;

static void die(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)context, (void)count;
    if (sqlite3_value_int(values[0]) == die_in)
        raise(SIGKILL);
}

static int add_die(sqlite3 *db, const char **message, const void *api)
{
    (void)message, (void)api;
    return sqlite3_create_function(db, "die", 1, SQLITE_UTF8, NULL, die, NULL, NULL);
}

/* ---- the migrations, and what may be there ---- */

static void three_files(void)
{
    migration_file("1_a.up.sql", "SELECT die(1); CREATE TABLE a (x); SELECT die(2);"
                                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                                 " INSERT INTO a SELECT hex(randomblob(20)) FROM n; SELECT die(3);");
    migration_file("2_b.up.sql",
                   "CREATE INDEX b ON a (x); SELECT die(4); DELETE FROM a WHERE rowid % 2; SELECT die(5)");
    migration_file(
        "3_c.up.sql",
        "SELECT die(6); CREATE TABLE c AS SELECT x FROM a; DROP TABLE a; SELECT die(7); ALTER TABLE c RENAME TO d");
}

/* The version and the schema are of one moment: the old one or the new. */
static void check_state(void)
{
    static const char *const schemas[] = {"", "a:300", "a:150,b", "d:150"};
    const char *schema = "";
    assert_string_equal(database_text("PRAGMA integrity_check"), "ok");
    int64_t version = database_number("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'") &&
                              database_number("SELECT count(*) FROM schema_migrations")
                          ? database_number("SELECT version FROM schema_migrations WHERE dirty = 0")
                          : 0;
    if (database_number("SELECT count(*) FROM sqlite_master WHERE name = 'd'"))
        schema = database_text("SELECT 'd:' || count(*) FROM d");
    else if (database_number("SELECT count(*) FROM sqlite_master WHERE name = 'a'"))
        schema = database_text(
            "SELECT 'a:' || (SELECT count(*) FROM a) || (SELECT CASE count(*) WHEN 0 THEN '' ELSE ',b' END "
            "FROM sqlite_master WHERE name = 'b')");
    assert_true(version >= 0 && version <= 3);
    assert_string_equal(schema, schemas[version]);
}

/* In a child of its own: up. */
static int run_up(void)
{
    leaselock_migrations *migrations;
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = PATIENCE_MS};
    leaselock_status status =
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &migrations);
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_up(migrations, NULL);
    if (status != LEASELOCK_OK)
        fprintf(stderr, "%s\n", leaselock_error_last()->message);
    return status != LEASELOCK_OK;
}

/* True when it was killed, false when it came to its end. */
static bool is_killed(pid_t child)
{
    int state;
    while (waitpid(child, &state, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_true(WIFSIGNALED(state) || (WIFEXITED(state) && WEXITSTATUS(state) == 0));
    return WIFSIGNALED(state);
}

static void finish(void)
{
    leaselock_migrations *migrations = open_patiently();
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_up(migrations, &result);
    assert_ok(status);
    assert_true(leaselock_migration_succeeded(result));
    leaselock_migration_result_free(result);
    end_migrations(migrations);
    check_state();
    assert_int_equal(database_number("SELECT version FROM schema_migrations"), 3);
}

/* `stride` saves time where every single one was tried in another way. */
static void die_at_every_write(const char *journal_mode, bool in_the_midst, int stride)
{
    int last = 1;
    for (bool killed = true; killed; last += stride) {
        char pragma[64];
        delete_database();
        snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s", journal_mode);
        database_run(pragma);
        pid_t child = fork();
        if (child == 0) {
            count_calls(last, in_the_midst);
            _exit(run_up());
        }
        killed = is_killed(child);
        check_state();
        finish();
    }
    print_message("%s: %d calls\n", journal_mode, last - 1 - stride);
    assert_true(last > 10);
}

TEST(killed_at_every_write_with_a_rollback_journal)
{
    three_files();
    die_at_every_write("DELETE", false, 1);
}

TEST(killed_in_the_midst_of_writes)
{
    three_files();
    die_at_every_write("DELETE", true, 3);
}

TEST(killed_in_the_midst_of_writes_with_a_wal)
{
    three_files();
    die_at_every_write("WAL", true, 2);
}

TEST(killed_between_statements)
{
    three_files();
    for (int i = 1; i <= 7; i++) {
        delete_database();
        pid_t child = fork();
        if (child == 0) {
            die_in = i;
            _exit(run_up());
        }
        assert_true(is_killed(child));
        check_state();
        assert_int_equal(database_number("SELECT coalesce((SELECT max(rowid) FROM sqlite_master), 0) > 0"), i > 3);
        finish();
    }
}

/* ---- many at once ---- */

enum { PROCESSES = 16, FILES = 12 };

TEST(sixteen_processes_apply_each_migration_once)
{
    pid_t children[PROCESSES];
    migration_file("0_a.up.sql", "CREATE TABLE ran (version INTEGER)");
    for (int i = 1; i < FILES; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "%d_x.up.sql", i);
        snprintf(text, sizeof text, "INSERT INTO ran VALUES (%d)", i);
        migration_file(name, text);
    }
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0)
            _exit(run_up());
    for (int i = 0; i < PROCESSES; i++)
        assert_false(is_killed(children[i]));
    assert_int_equal(database_number("SELECT count(*) FROM ran"), FILES - 1);
    assert_int_equal(database_number("SELECT count(DISTINCT version) FROM ran"), FILES - 1);
    assert_string_equal(database_text("SELECT version, dirty FROM schema_migrations"), "11|0");
}

/* Another runner between two of our migrations: further on is progress, back is a conflict. */
static void meddle(const leaselock_migration_result *so_far, void *sql)
{
    if (leaselock_migration_result_count(so_far) == 1)
        database_run(sql);
}

static leaselock_status up_with(const char *sql, leaselock_migration_result **result)
{
    leaselock_migrations *migrations;
    leaselock_migrations_options options = {.struct_size = sizeof options, .progress = meddle, .payload = (void *)sql};
    delete_database();
    assert_ok(leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &migrations));
    leaselock_status status = leaselock_migrations_up(migrations, result);
    leaselock_error error = *leaselock_error_last();
    end_migrations(migrations);
    return status == LEASELOCK_OK ? status : error.code;
}

TEST(what_another_runner_does_meanwhile_is_seen)
{
    leaselock_migration_result *result = NULL;
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("2_b.up.sql", "CREATE TABLE b (x)");
    migration_file("3_c.up.sql", "CREATE TABLE c (x)");
    leaselock_status status = up_with("CREATE TABLE b (x); UPDATE schema_migrations SET version = 2", &result);
    assert_int_equal(leaselock_migration_result_count(result), 2);
    assert_int_equal(leaselock_migration_result_version(result, 1), 3);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 3);
    assert_int_equal(up_with("DROP TABLE a; DELETE FROM schema_migrations", NULL), LEASELOCK_MIGRATION_CONFLICT);
    assert_string_equal(database_text("SELECT count(*) FROM schema_migrations"), "0");
    assert_int_equal(up_with("UPDATE schema_migrations SET version = 77", NULL), LEASELOCK_OK);
    assert_string_equal(database_text("SELECT version FROM schema_migrations"), "77");
}

/* The loser waits until its time is over, and says who has the lock. */
TEST(a_loser_names_the_process_that_holds_the_lock)
{
    int pipes[2];
    char byte, expected[64];
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        close(pipes[0]);
        sqlite3_open(database_path(), &db);
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        (void)!write(pipes[1], "x", 1);
        pause();
        _exit(0);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    close(pipes[0]);
    leaselock_migrations *migrations = open_directory("");
    leaselock_status status = leaselock_migrations_up(migrations, NULL);
    leaselock_error error = *leaselock_error_last();
    end_migrations(migrations);
    kill(child, SIGKILL);
    assert_true(is_killed(child));
    assert_int_equal(status, LEASELOCK_UNAVAILABLE);
    snprintf(expected, sizeof expected, "process %d has it", (int)child);
    if (access("/proc/locks", R_OK) == 0)
        assert_non_null(strstr(error.message, expected));
}

int main(void)
{
    sqlite3_auto_extension((void (*)(void))add_die);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(killed_at_every_write_with_a_rollback_journal),
        IN_FOLDER(killed_in_the_midst_of_writes),
        IN_FOLDER(killed_in_the_midst_of_writes_with_a_wal),
        IN_FOLDER(killed_between_statements),
        IN_FOLDER(sixteen_processes_apply_each_migration_once),
        IN_FOLDER(what_another_runner_does_meanwhile_is_seen),
        IN_FOLDER(a_loser_names_the_process_that_holds_the_lock),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
