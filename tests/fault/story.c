#include "fault/story.h"

#include <string.h>

#include "leaselock/sys/probes.h"
#include "sqlite/database.h"
#include "util/clock.h"

enum { TTL_MS = 30000, OPERATION_MS = 40 };

typedef struct story {
    const story_place *place;
    story_numbers *numbers;
    leaselock_lock *lock;
    bool maybe_held; /* a grant, or a release, is in doubt */
} story;

/* The lease's row, as SQLite itself sees it. */
typedef struct row {
    int64_t sequence, deadline_ms, floor, ceiling;
    bool released;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
} row;

void story_check_at(const story_place *place, bool condition, const char *text, const char *file, int line)
{
    static const char *const modes[] = {"an error", "a full disk", "a torn write", "a held lock",
                                        "no memory for SQLite"};
    if (condition)
        return;
    print_error("%s file, %s at call %d%s: not so: %s (last error %s: %s)\n", place->beginning, modes[place->mode],
                place->call, place->lasting ? " and all later ones" : "", text,
                leaselock_error_name(leaselock_error_last()->code), leaselock_error_last()->message);
    _fail(file, line);
}

#define check(condition) story_check_at(in->place, (condition), #condition, __FILE__, __LINE__)

/* While nothing fails. */
static row read_row(const story *in)
{
    row found = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    faults_pause(true);
    check(sqlite3_open_v2(database_path(), &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    check(sqlite3_prepare_v2(db,
                             "SELECT sequence, deadline_ms, floor, ceiling, released, acquisition"
                             "  FROM leaselock_leases, leaselock_control WHERE resource = 'r'",
                             -1, &statement, NULL) == SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        found = (row){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                      sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                      sqlite3_column_int(statement, 4) != 0, ""};
        memcpy(found.acquisition, sqlite3_column_text(statement, 5), sizeof found.acquisition - 1);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    faults_pause(false);
    return found;
}

/* True where all went well; a failure has to be a clear one, of the kind that was caused. */
static bool went_well(const story *in, leaselock_status status)
{
    check(leaselock_error_last()->code == status); /* nothing is left there of a failure that was overcome */
    if (status == LEASELOCK_OK)
        return true;
    check(leaselock_error_last()->message[0] != '\0');
    switch (in->place->mode) {
    case FAULTS_FULL:
        check(status == LEASELOCK_FULL);
        break;
    case FAULTS_BUSY:
        check(status == LEASELOCK_UNAVAILABLE);
        break;
    case FAULTS_NOMEM:
        check(status == LEASELOCK_NOMEM);
        break;
    default:
        check(status == LEASELOCK_IO);
    }
    return false;
}

static leaselock_lease *obtain(story *in, const char *client)
{
    leaselock_lease *lease = NULL;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(in->lock, "r", client, NULL, &lease);
    if (status == LEASELOCK_BUSY) {
        check(in->maybe_held);
        check(strcmp(leaselock_error_last()->holder, "first") == 0);
        return NULL;
    }
    if (!went_well(in, status)) {
        check(!lease);
        /* what is in doubt is asked for again, except where that cannot help */
        check(in->place->lasting || in->place->mode == FAULTS_FULL || in->place->mode == FAULTS_NOMEM);
        in->maybe_held = true;
        return NULL;
    }
    row found = read_row(in);
    check(leaselock_lease_sequence(lease) > in->numbers->highest);
    check(leaselock_lease_sequence(lease) == found.sequence);
    check(strcmp(leaselock_lease_acquisition(lease), found.acquisition) == 0);
    check(!found.released && found.ceiling >= found.sequence);
    check(leaselock_lease_valid(lease));
    in->numbers->highest = found.sequence;
    return lease;
}

static void renew(story *in, leaselock_lease *lease)
{
    leaselock_test_clock_advance(1000);
    if (went_well(in, leaselock_lock_renew(in->lock, lease)))
        check(read_row(in).deadline_ms > ll_clock_boot() + TTL_MS - OPERATION_MS);
    else
        check(leaselock_lease_state(lease) == LEASELOCK_STATE_UNKNOWN);
    check(leaselock_lease_valid(lease));
}

static void release(story *in, leaselock_lease *lease)
{
    bool was_ours = false;
    if (went_well(in, leaselock_lock_release(in->lock, lease, &was_ours)))
        check(was_ours && read_row(in).released);
    else
        in->maybe_held = true;
    check(!leaselock_lease_valid(lease));
}

static void list(const story *in)
{
    leaselock_listing *listing = NULL;
    const leaselock_list_options options = {.struct_size = sizeof options, .resource = "r"};
    if (!went_well(in, leaselock_lock_list(in->lock, &options, &listing)))
        return;
    int64_t sequence = read_row(in).sequence;
    check(leaselock_listing_count(listing) == (sequence ? 1 : 0));
    check(leaselock_listing_sequence(listing, 0) == sequence);
    leaselock_listing_free(listing);
}

static void raise_floor(const story *in)
{
    int64_t floor = 0, wanted = in->numbers->highest + 500;
    if (!went_well(in, leaselock_lock_raise_floor(in->lock, wanted, &floor)))
        return;
    check(floor >= wanted);
    in->numbers->floor = floor;
}

/* The keeper has a third of the ttl for more tries: one failure must not cost the lease. */
static void keep(const story *in, leaselock_lease *lease)
{
    if (!went_well(in, leaselock_lease_keep(lease)))
        return;
    leaselock_test_clock_advance(TTL_MS / 3);
    bool gave_up = false;
    int64_t give_up_ms = real_clock() + PATIENCE_MS;
    while (leaselock_lease_remaining(lease) < TTL_MS - 2000 && !gave_up) {
        check(leaselock_lease_valid(lease));
        check(real_clock() < give_up_ms);
        gave_up = in->place->lasting && leaselock_lease_state(lease) == LEASELOCK_STATE_UNKNOWN;
        real_sleep(1);
        leaselock_test_clock_advance(leaselock_lease_state(lease) == LEASELOCK_STATE_UNKNOWN ? 20 : 0);
    }
    check(gave_up || read_row(in).deadline_ms > ll_clock_boot() + TTL_MS - 2000);
}

/* When calls succeed again, so does the handle that saw them fail. */
static void go_on(story *in)
{
    leaselock_lease *lease = NULL;
    story_check(in->place, leaselock_lock_obtain_with_no_wait(in->lock, "s", NULL, NULL, &lease) == LEASELOCK_OK);
    check(leaselock_lease_sequence(lease) > in->numbers->floor);
    leaselock_lease_free(lease);
}

bool story_tell(const story_place *place, story_numbers *numbers)
{
    story tale = {.place = place, .numbers = numbers}, *in = &tale;
    const leaselock_lock_options options = {
        .struct_size = sizeof options, .ttl_ms = TTL_MS, .operation_ms = OPERATION_MS};
    faults_arm(place->mode, place->call, place->lasting);
    if (!went_well(in, leaselock_lock_open(database_url(), &options, &in->lock))) {
        check(!in->lock);
        return faults_disarm();
    }
    leaselock_lease *first = obtain(in, "first");
    if (first) {
        renew(in, first);
        release(in, first);
    }
    leaselock_lease *second = obtain(in, "second");
    list(in);
    raise_floor(in);
    if (second)
        keep(in, second);
    bool failed = faults_disarm();
    go_on(in);
    leaselock_lease_free(first);
    leaselock_lease_free(second);
    check(leaselock_lock_close(in->lock) == LEASELOCK_OK);
    leaselock_lock_free(in->lock);
    return failed;
}
