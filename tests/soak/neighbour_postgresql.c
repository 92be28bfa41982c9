#include "soak/neighbour.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak/dice.h"
#include "support/clock.h"

typedef struct neighbour {
    PGconn *session;
    diary_lane *lane;
    uint8_t number;
    soak_dice dice;
} neighbour;

static PGconn *connect_to(const char *url)
{
    PGconn *session = PQconnectdb(url);
    if (PQstatus(session) != CONNECTION_OK) {
        fprintf(stderr, "neighbour: %s", PQerrorMessage(session));
        exit(1);
    }
    return session;
}

/* The first value of the answer, 0 without one; false where it fails, as it does while there are no tables. */
static bool ask(PGconn *session, const char *sql, long long *value)
{
    PGresult *result = PQexec(session, sql);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    *value = ok && PQntuples(result) > 0 ? atoll(PQgetvalue(result, 0, 0)) : 0;
    PQclear(result);
    return ok;
}

static int64_t a_while(neighbour *self)
{
    return dice_between(&self->dice, 1, dice_once_in(&self->dice, 6) ? 700 : 60);
}

/* Runs the statement in a transaction, stays in it, and asks; false, where either fails. */
static bool stay(neighbour *self, diary_kind kind, const char *begin, int64_t ms, const char *then, long long *answer)
{
    long long ignored;
    diary_event event = {.kind = (uint8_t)kind, .lane = self->number};
    diary_begin(self->lane, &event);
    bool ok = ask(self->session, begin, &ignored);
    if (ok) {
        real_sleep(ms);
        ok = ask(self->session, then, answer);
    }
    ask(self->session, dice_once_in(&self->dice, 2) ? "COMMIT" : "ROLLBACK", &ignored);
    event.status = ok ? LEASELOCK_OK : LEASELOCK_UNAVAILABLE;
    diary_end(self->lane, &event);
    return ok;
}

static void read_for_long(neighbour *self)
{
    long long count;
    stay(self, NEIGHBOUR_READ, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM leaselock_leases",
         dice_between(&self->dice, 100, 1500), "SELECT count(*) FROM leaselock_leases", &count);
}

static void lock_all(neighbour *self)
{
    long long none;
    stay(self, NEIGHBOUR_WRITE, "BEGIN; LOCK TABLE leaselock_leases IN EXCLUSIVE MODE", a_while(self), "SELECT 0", &none);
}

static void lock_one(neighbour *self)
{
    char begin[128];
    long long none;
    snprintf(begin, sizeof begin, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = 'resource-%d' FOR UPDATE",
             (int)dice_between(&self->dice, 0, RESOURCES - 1));
    stay(self, NEIGHBOUR_WRITE, begin, a_while(self), "SELECT 0", &none);
}

/* Nobody may be granted what stands behind a fence. */
static void fence_one(neighbour *self)
{
    long long overtaken;
    if (stay(self, NEIGHBOUR_WRITE,
             "BEGIN; CREATE TEMP TABLE fenced ON COMMIT DROP AS"
             " SELECT resource, sequence, leaselock_fence(resource, sequence) IS NULL AS is_null FROM"
             "  (SELECT resource, sequence FROM leaselock_leases WHERE NOT released ORDER BY random() LIMIT 1) AS l",
             a_while(self),
             "SELECT count(*) FROM fenced JOIN leaselock_leases AS l USING (resource) WHERE l.sequence <> fenced.sequence",
             &overtaken) &&
        overtaken) {
        fprintf(stderr, "neighbour: a resource was granted behind a fence\n");
        exit(1);
    }
}

/* As an administrator, or a restart of the server, would. */
static void end_a_session(neighbour *self)
{
    long long none;
    diary_event event = {.kind = NEIGHBOUR_KICK, .lane = self->number};
    diary_begin(self->lane, &event);
    bool ok = ask(self->session,
                  "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity WHERE datname = current_database()"
                  " AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1",
                  &none);
    event.status = ok ? LEASELOCK_OK : LEASELOCK_UNAVAILABLE;
    diary_end(self->lane, &event);
}

static void run(soak_diary *diary, uint8_t lane, uint64_t seed, const char *url)
{
    static void (*const doings[])(neighbour *) = {read_for_long, lock_all, lock_one, fence_one, fence_one, end_a_session};
    neighbour self = {connect_to(url), &diary->lanes[lane], lane, {seed}};
    while (!atomic_load(&diary->stop)) {
        real_sleep(dice_between(&self.dice, 10, 200));
        doings[dice_between(&self.dice, 0, sizeof doings / sizeof *doings - 1)](&self);
    }
    PQfinish(self.session);
    exit(0);
}

/* By its index as by the table itself. */
static bool check(const char *url)
{
    PGconn *session = connect_to(url);
    long long ignored, by_index = 0, by_table = -1;
    bool ok = ask(session, "SET enable_seqscan = off", &ignored) &&
              ask(session, "SELECT count(*) FROM (SELECT resource FROM leaselock_leases ORDER BY resource) AS l", &by_index) &&
              ask(session, "RESET enable_seqscan", &ignored) &&
              ask(session, "SELECT count(*) FROM leaselock_leases", &by_table) && by_index == by_table;
    if (!ok)
        fprintf(stderr, "neighbour: %lld rows by the index, %lld by the table\n", by_index, by_table);
    PQfinish(session);
    return ok;
}

const soak_neighbour neighbour_postgresql = {run, check};
