/*
 * The floor of obtain + release on SQLite: the engine's statements, prepared by hand, on a file that it made. Same
 * journal, same durability (numbers in blocks are left out: one commit in a thousand), same checkpoints. Prints pairs
 * per second.
 *
 *   bench_floor_sqlite FILE SECONDS [ROWS]      with ROWS: of resources at random among those of bench_rows
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TTL_MS = 30000, FRAMES_PER_CHECKPOINT = 1000 };

static sqlite3 *db, *checkpointer;
static int wal_frames;

static void check(int result, int expected, const char *what)
{
    if (result == expected)
        return;
    fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void boot_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int64(context, clock_ms(CLOCK_BOOTTIME));
}

static void wall_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int64(context, clock_ms(CLOCK_REALTIME));
}

static int64_t drawn;

static void draw(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    drawn = sqlite3_value_int64(values[0]);
    sqlite3_result_int64(context, drawn);
}

static int on_commit(void *payload, sqlite3 *handle, const char *name, int frames)
{
    (void)payload, (void)handle, (void)name;
    wal_frames = frames;
    return SQLITE_OK;
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *handle;
    check(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), SQLITE_OK, "open");
    sqlite3_wal_autocheckpoint(handle, 0);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    check(sqlite3_exec(handle, "PRAGMA synchronous = NORMAL; PRAGMA schema_version", NULL, NULL, NULL), SQLITE_OK,
          "settings");
    return handle;
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), SQLITE_OK, sql);
    return statement;
}

static void checkpoint(void)
{
    check(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK, "begin");
    check(sqlite3_wal_checkpoint_v2(checkpointer, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), SQLITE_OK, "checkpoint");
    check(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK, "rollback");
}

static void bind_ids(sqlite3_stmt *statement, const char *resource, const char *acquisition)
{
    sqlite3_bind_text(statement, 1, resource, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, "floor", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, acquisition, -1, SQLITE_STATIC);
}

static void pair(sqlite3_stmt *look, sqlite3_stmt *grant, sqlite3_stmt *release, const char *resource, int64_t number)
{
    sqlite3_bind_text(look, 1, resource, -1, SQLITE_STATIC);
    sqlite3_step(look);
    sqlite3_reset(look);
    const char *acquisition = number % 2 ? "00112233445566778899aabbccddeeff" : "ffeeddccbbaa99887766554433221100";
    bind_ids(grant, resource, acquisition);
    sqlite3_bind_int64(grant, 4, TTL_MS);
    check(sqlite3_step(grant), SQLITE_DONE, "grant");
    sqlite3_reset(grant);
    bind_ids(release, resource, acquisition);
    sqlite3_bind_int64(release, 4, drawn);
    check(sqlite3_step(release), SQLITE_DONE, "release");
    sqlite3_reset(release);
    if (wal_frames >= FRAMES_PER_CHECKPOINT)
        checkpoint();
}

int main(int count, char **arguments)
{
    if (count < 3 || count > 4)
        return 64;
    db = open_file(arguments[1]);
    checkpointer = open_file(arguments[1]);
    sqlite3_wal_hook(db, on_commit, NULL);
    sqlite3_create_function(db, "boot_now", 0, SQLITE_UTF8, NULL, boot_now, NULL, NULL);
    sqlite3_create_function(db, "wall_now", 0, SQLITE_UTF8, NULL, wall_now, NULL, NULL);
    sqlite3_create_function(db, "draw", 1, SQLITE_UTF8, NULL, draw, NULL, NULL);
    sqlite3_stmt *look = prepare("SELECT client, sequence, acquisition, ttl_ms, deadline_ms, expires_at_ms, released"
                                 " FROM leaselock_leases WHERE resource = ?1");
    sqlite3_stmt *grant = prepare(
        "INSERT INTO leaselock_leases"
        " (resource, client, sequence, acquisition, ttl_ms, deadline_ms, boot, expires_at_ms, released)"
        " SELECT ?1, ?2, draw(floor + 1), ?3, ?4, boot_now() + ?4, boot, wall_now() + ?4, 0 FROM leaselock_control WHERE id = 1"
        " ON CONFLICT (resource) DO UPDATE SET client = excluded.client,"
        " sequence = draw(max(leaselock_leases.sequence, excluded.sequence - 1) + 1), acquisition = excluded.acquisition,"
        " ttl_ms = excluded.ttl_ms, deadline_ms = excluded.deadline_ms, boot = excluded.boot,"
        " expires_at_ms = excluded.expires_at_ms, released = 0"
        " WHERE (released OR leaselock_leases.deadline_ms <= boot_now()) AND leaselock_leases.acquisition <> ?3");
    sqlite3_stmt *release = prepare("UPDATE leaselock_leases SET released = 1"
                                    " WHERE resource = ?1 AND client = ?2 AND acquisition = ?3 AND sequence = ?4 AND NOT released");
    int64_t length_ms = (int64_t)(atof(arguments[2]) * 1000), start = clock_ms(CLOCK_MONOTONIC), pairs = 0;
    long rows = count == 4 ? atol(arguments[3]) : 0;
    char resource[32] = "benchmark";
    while (clock_ms(CLOCK_MONOTONIC) - start < length_ms) {
        if (rows > 0)
            snprintf(resource, sizeof resource, "benchmark-%ld", random() % rows);
        pair(look, grant, release, resource, pairs++);
    }
    printf("%.1f\n", (double)pairs * 1000 / (double)(clock_ms(CLOCK_MONOTONIC) - start));
    return 0;
}
