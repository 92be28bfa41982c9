#include "soak/neighbour.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak/dice.h"
#include "support/clock.h"

/* No checkpoints of its own: SQLite's automatic ones can lose a commit before 3.51.3. */
static sqlite3 *open_database(const char *url)
{
    sqlite3 *db;
    if (sqlite3_open_v2(url + strlen("sqlite:"), &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        exit(0); /* not there yet: the next one will find it */
    sqlite3_wal_autocheckpoint(db, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

/* Runs the first statement, stays in its transaction for that long, and ends it by the second. */
static void stay(diary_lane *lane, diary_event event, sqlite3 *db, const char *first, int64_t ms,
                 const char *second)
{
    diary_begin(lane, &event);
    int result = sqlite3_exec(db, first, NULL, NULL, NULL);
    if (result == SQLITE_OK) {
        real_sleep(ms);
        result = sqlite3_exec(db, second, NULL, NULL, NULL);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    if (result != SQLITE_OK && result != SQLITE_BUSY && result != SQLITE_ERROR) /* ERROR: no tables yet */
        fprintf(stderr, "neighbour: %s\n", sqlite3_errstr(result));
    event.status = result == SQLITE_OK ? LEASELOCK_OK : LEASELOCK_UNAVAILABLE;
    diary_end(lane, &event);
}

static void run(soak_diary *diary, uint8_t lane, uint64_t seed, const char *url)
{
    soak_dice dice = {seed};
    sqlite3 *db = open_database(url);
    diary_event write = {.kind = NEIGHBOUR_WRITE, .lane = lane}, read = {.kind = NEIGHBOUR_READ, .lane = lane};
    while (!atomic_load(&diary->stop)) {
        real_sleep(dice_between(&dice, 20, 400));
        if (dice_once_in(&dice, 3))
            stay(&diary->lanes[lane], read, db, "BEGIN; SELECT count(*) FROM leaselock_leases",
                 dice_between(&dice, 100, 1500), "COMMIT");
        else
            stay(&diary->lanes[lane], write, db,
                 "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS notes (text); INSERT INTO notes VALUES ('x')",
                 dice_between(&dice, 1, dice_once_in(&dice, 6) ? 700 : 60),
                 dice_once_in(&dice, 2) ? "COMMIT" : "ROLLBACK");
    }
    sqlite3_close(db);
    exit(0);
}

static int take_answer(void *payload, int count, char **values, char **names)
{
    (void)count, (void)names;
    bool *ok = payload;
    *ok = strcmp(values[0], "ok") == 0;
    if (!*ok)
        fprintf(stderr, "integrity_check: %s\n", values[0]);
    return 0;
}

static bool check(const char *url)
{
    bool ok = false;
    sqlite3 *db = open_database(url);
    int result = sqlite3_exec(db, "PRAGMA integrity_check", take_answer, &ok, NULL);
    sqlite3_close(db);
    return result == SQLITE_OK && ok;
}

const soak_neighbour neighbour_sqlite = {run, check};
