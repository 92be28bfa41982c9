/*
 * The floor of running migrations on SQLite: the same SQL and the same version table through SQLite's C API, one
 * transaction per file, durable as SQLite is by default. No checks, no messages. Prints milliseconds, by the clock and
 * of CPU time, from opening the database to closing it.
 *
 *   bench_floor_migrations sqlite:FILE DIRECTORY up|down
 */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *db;
static sqlite3_stmt *remove_version, *write_version;
static const char *suffix;

static void check(int result, int expected, const char *what)
{
    if (result == expected)
        return;
    fprintf(stderr, "%s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
    exit(1);
}

static void execute(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), SQLITE_OK, sql);
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement), SQLITE_DONE, sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static int is_wanted(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');
    return dot && strcmp(dot, suffix) == 0;
}

static char *read_whole(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    check(file ? 0 : 1, 0, path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    check((int)fread(text, 1, (size_t)size, file), (int)size, path);
    fclose(file);
    return text;
}

static void migrate(const char *directory, const char *name, const char *after)
{
    char *body = read_whole(directory, name);
    execute("BEGIN IMMEDIATE");
    execute(body);
    step(remove_version);
    if (after) {
        sqlite3_bind_int64(write_version, 1, atoll(after));
        step(write_version);
    }
    execute("COMMIT");
    free(body);
}

static void run(const char *path, const char *directory, int up)
{
    struct dirent **names;
    int count = scandir(directory, &names, is_wanted, alphasort);
    check(count < 0, 0, directory);
    check(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK, path);
    execute("CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool);"
            "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version)");
    remove_version = prepare("DELETE FROM schema_migrations");
    write_version = prepare("INSERT INTO schema_migrations (version, dirty) VALUES (?1, 0)");
    for (int i = 0; i < count; i++) {
        int at = up ? i : count - 1 - i;
        migrate(directory, names[at]->d_name, up ? names[at]->d_name : at > 0 ? names[at - 1]->d_name : NULL);
    }
    sqlite3_finalize(remove_version);
    sqlite3_finalize(write_version);
    sqlite3_close(db);
}

static double milliseconds(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int count, char **arguments)
{
    if (count != 4 || strncmp(arguments[1], "sqlite:", 7) != 0)
        return 64;
    int up = strcmp(arguments[3], "up") == 0;
    suffix = up ? ".up.sql" : ".down.sql";
    double start = milliseconds(CLOCK_MONOTONIC), cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    run(arguments[1] + 7, arguments[2], up);
    printf("%.3f %.3f\n", milliseconds(CLOCK_MONOTONIC) - start, milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
