/*
 * The long run: processes that do all that can be done with leases on one database, while they are killed, stopped, and
 * locked out, and a checker that reads what they saw. Exits with 1 when a promise was broken.
 *
 *   soak [--operations N] [--seconds S] [--seed X] [--db URL]      default: 1 000 000 operations on a new SQLite file
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak/calls.h"
#include "soak/checker.h"
#include "soak/crew.h"
#include "soak/neighbour.h"
#include "soak/tally.h"
#include "soak/worker.h"
#include "support/clock.h"

enum { OPERATIONS = 1000000, PATIENCE_US = 60000000, ENOUGH_TO_KEEP = 100000, ENDING = LANES - 1 };

typedef struct soak_run {
    unsigned long operations; /* enough; 0: no limit */
    int64_t seconds;          /* likewise */
    uint64_t seed;
    char folder[64];
    char url[4096];
    soak_diary *diary;
    soak_checker *checker;
    soak_tally tally;
    soak_crew crew;
    int64_t start_us;
} soak_run;

static const soak_neighbour *neighbour_on(const char *url)
{
#ifdef SOAK_POSTGRESQL
    if (strncmp(url, "postgres", 8) == 0)
        return &neighbour_postgresql;
#endif
    (void)url;
    return &neighbour_sqlite;
}

static void read_lane(soak_run *soak, int lane)
{
    diary_event event;
    while (diary_read(&soak->diary->lanes[lane], &event)) {
        checker_feed(soak->checker, &event);
        tally_add(&soak->tally, &event, crew_stopped_since(&soak->crew, lane, event.before_us));
    }
}

static void read_all(soak_run *soak)
{
    int64_t reached_us = diary_reached(soak->diary);
    for (int lane = 0; lane < LANES; lane++)
        read_lane(soak, lane);
    checker_settle(soak->checker, reached_us);
}

/* What the dead had begun may have happened. */
static void bury(soak_run *soak, int lane, const char *how)
{
    diary_event event;
    read_lane(soak, lane);
    if (diary_read_pending(&soak->diary->lanes[lane], &event)) {
        checker_feed(soak->checker, &event);
        tally_add(&soak->tally, &event, true);
    }
    atomic_store(&soak->diary->lanes[lane].reached_us, INT64_MAX);
    if (how)
        checker_report(soak->checker, "the process of lane %d ended with %s", lane, how);
}

static void bury_the_dead(soak_run *soak, bool replace)
{
    const char *how;
    for (int lane; (lane = crew_reap(&soak->crew, &how)) >= 0;) {
        bury(soak, lane, how);
        if (replace)
            crew_start_member(&soak->crew, lane);
    }
}

static bool look_for_hangs(soak_run *soak)
{
    int64_t longest_ago_us = real_boot_us() - PATIENCE_US;
    for (int lane = 0; lane < CREW; lane++) {
        if (atomic_load(&soak->diary->lanes[lane].reached_us) > longest_ago_us)
            continue;
        checker_report(soak->checker, "lane %d hangs in or after: %s", lane,
                       diary_kind_name(soak->diary->lanes[lane].pending.kind));
        return true;
    }
    return false;
}

static double seconds_since(int64_t us)
{
    return (double)(real_boot_us() - us) / 1e6;
}

static bool is_enough(const soak_run *soak)
{
    return checker_violations(soak->checker) > 0 ||
           (soak->operations > 0 && soak->tally.operations >= soak->operations) ||
           (soak->seconds > 0 && seconds_since(soak->start_us) >= (double)soak->seconds);
}

static void run(soak_run *soak)
{
    crew_start(&soak->crew, soak->diary, soak->folder, soak->url, soak->seed);
    while (!is_enough(soak)) {
        real_sleep(1);
        crew_annoy(&soak->crew);
        bury_the_dead(soak, true);
        read_all(soak);
        look_for_hangs(soak);
    }
    atomic_store(&soak->diary->stop, true);
    crew_relax(&soak->crew);
    for (bool hangs = false; !crew_is_gone(&soak->crew);) {
        real_sleep(1);
        bury_the_dead(soak, false);
        read_all(soak);
        if (!hangs && (hangs = look_for_hangs(soak)))
            crew_kill_all(&soak->crew);
    }
}

/* Alone at last: the file is sound, and every resource can be had, with a number above all that were seen. */
static void finish(soak_run *soak)
{
    if (!neighbour_on(soak->url)->check(soak->url))
        checker_report(soak->checker, "the database is damaged");
    soak_worker last = {.diary = soak->diary, .lane = &soak->diary->lanes[ENDING], .number = ENDING,
                   .client = "the last", .dice = {soak->seed}};
    snprintf(last.url, sizeof last.url, "%s", soak->url);
    call_open(&last, 0);
    for (uint8_t resource = 0; resource < RESOURCES; resource++) {
        leaselock_status status = LEASELOCK_BUSY;
        int64_t give_up_us = real_boot_us() + PATIENCE_US;
        while (status == LEASELOCK_BUSY && real_boot_us() < give_up_us)
            status = call_obtain(&last, OBTAIN_WAIT, resource, LEASELOCK_TTL_DEFAULT_MS, &last.holds[0]);
        if (status != LEASELOCK_OK)
            checker_report(soak->checker, "resource %d cannot be had: %s", resource, leaselock_error_name(status));
        else
            drop(&last.holds[0]);
    }
    call_list(&last);
    call_close(&last);
    read_lane(soak, ENDING);
    checker_settle(soak->checker, INT64_MAX);
    if (soak->tally.operations >= ENOUGH_TO_KEEP && checker_kept(soak->checker) == 0)
        checker_report(soak->checker, "no lease was kept longer than its ttl");
}

static int report(const soak_run *soak)
{
    double seconds = seconds_since(soak->start_us);
    unsigned long starts = 0;
    for (int i = 0; i < CREW; i++)
        starts += soak->crew.members[i].starts;
    tally_print(&soak->tally, stdout);
    printf("%lu operations in %.1f s, %.0f per second\n", soak->tally.operations, seconds,
           (double)soak->tally.operations / seconds);
    printf("%lu grants of %d resources; %lu leases kept longer than their ttl\n", checker_grants(soak->checker),
           RESOURCES, checker_kept(soak->checker));
    printf("%d workers and a neighbour at a time, %lu processes in all: %lu killed, %lu stopped for a while\n", WORKERS,
           starts, soak->crew.kills, soak->crew.stops);
    unsigned long violations = checker_violations(soak->checker);
    if (violations)
        printf("%lu VIOLATIONS (seed %llu); the files are in %s\n", violations, (unsigned long long)soak->seed,
               soak->folder);
    else
        printf("no violation (seed %llu)\n", (unsigned long long)soak->seed);
    return violations ? 1 : 0;
}

static void remove_folder(const soak_run *soak)
{
    static const char *const names[] = {"leases.db", "leases.db-wal", "leases.db-shm", "diary"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", soak->folder, names[i]);
        unlink(path);
    }
    rmdir(soak->folder);
}

static int run_in_folder(soak_run *soak)
{
    char path[128];
    snprintf(soak->folder, sizeof soak->folder, "/tmp/leaselock-soak-XXXXXX");
    if (!mkdtemp(soak->folder)) {
        perror(soak->folder);
        return 2;
    }
    if (!soak->url[0])
        snprintf(soak->url, sizeof soak->url, "sqlite:%s/leases.db", soak->folder);
    snprintf(path, sizeof path, "%s/diary", soak->folder);
    soak->diary = diary_map(path);
    soak->checker = checker_new(stderr);
    soak->start_us = real_boot_us();
    run(soak);
    finish(soak);
    int result = report(soak);
    if (result == 0)
        remove_folder(soak);
    checker_free(soak->checker);
    return result;
}

/* soak --member LANE SEED FOLDER URL: one of the crew. */
static _Noreturn void be_a_member(char **arguments)
{
    int lane = atoi(arguments[0]);
    uint64_t seed = strtoull(arguments[1], NULL, 10);
    char path[4096];
    snprintf(path, sizeof path, "%s/diary", arguments[2]);
    soak_diary *diary = diary_map(path);
    if (lane == NEIGHBOUR)
        neighbour_on(arguments[3])->run(diary, (uint8_t)lane, seed, arguments[3]);
    worker_run(diary, (uint8_t)lane, seed, arguments[3]);
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        {"operations", required_argument, NULL, 'o'}, {"seconds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'x'}, {"db", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
    static soak_run soak;
    if (count == 6 && strcmp(arguments[1], "--member") == 0)
        be_a_member(arguments + 2);
    soak.seed = (uint64_t)real_boot_us();
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (option == 'o')
            soak.operations = strtoul(optarg, NULL, 10);
        else if (option == 's')
            soak.seconds = atoll(optarg);
        else if (option == 'x')
            soak.seed = strtoull(optarg, NULL, 10);
        else if (option == 'd')
            snprintf(soak.url, sizeof soak.url, "%s", optarg);
        else
            return 64;
    }
    if (soak.operations == 0 && soak.seconds == 0)
        soak.operations = OPERATIONS;
    return run_in_folder(&soak);
}
