#include "soak/crew.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "support/clock.h"

enum { MS = 1000, KILL_EVERY_MS = 200, STOP_EVERY_MS = 500, STOP_LONGEST_MS = 900 };

extern char **environ;

/* By exec: a forked child may not open what its parent has open, and starts with the parent's memory. */
void crew_start_member(soak_crew *crew, int lane)
{
    soak_member *member = &crew->members[lane];
    soak_dice dice = {crew->seed + ((uint64_t)lane << 48) + member->starts++};
    char number[8], seed[24];
    snprintf(number, sizeof number, "%d", lane);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)dice_next(&dice));
    char role[] = "--member";
    char *arguments[] = {"soak", role, number, seed, (char *)crew->folder, (char *)crew->url, NULL};
    atomic_store(&crew->diary->lanes[lane].reached_us, real_boot_us());
    int failure = posix_spawn(&member->pid, "/proc/self/exe", NULL, NULL, arguments, environ);
    if (failure) {
        fprintf(stderr, "cannot start a process: %s\n", strerror(failure));
        exit(2);
    }
    member->killed = false;
    member->continue_us = 0;
}

void crew_start(soak_crew *crew, soak_diary *diary, const char *folder, const char *url, uint64_t seed)
{
    *crew = (struct soak_crew){.diary = diary, .folder = folder, .url = url, .seed = seed, .dice = {seed}};
    for (int lane = 0; lane < LANES; lane++)
        atomic_store(&diary->lanes[lane].reached_us, INT64_MAX);
    for (int lane = 0; lane < CREW; lane++)
        crew_start_member(crew, lane);
}

static int64_t soon(soak_crew *crew, int64_t every_ms)
{
    return real_boot_us() + dice_between(&crew->dice, 0, 2 * every_ms * MS);
}

static void let_go_on(soak_crew *crew)
{
    int64_t now = real_boot_us();
    for (int i = 0; i < CREW; i++) {
        soak_member *member = &crew->members[i];
        if (member->continue_us == 0 || now < member->continue_us)
            continue;
        member->continue_us = 0;
        member->continued_us = now;
        if (member->pid)
            kill(member->pid, SIGCONT);
    }
}

void crew_annoy(soak_crew *crew)
{
    int64_t now = real_boot_us();
    let_go_on(crew);
    soak_member *member = &crew->members[dice_between(&crew->dice, 0, CREW - 1)];
    if (!member->pid || member->killed)
        return;
    if (now >= crew->next_kill_us) {
        crew->next_kill_us = soon(crew, KILL_EVERY_MS);
        crew->kills++;
        member->killed = true;
        kill(member->pid, SIGKILL);
    } else if (now >= crew->next_stop_us && member->continue_us == 0) {
        crew->next_stop_us = soon(crew, STOP_EVERY_MS);
        crew->stops++;
        member->continue_us = now + dice_between(&crew->dice, 1, STOP_LONGEST_MS) * MS;
        kill(member->pid, SIGSTOP);
    }
}

void crew_relax(soak_crew *crew)
{
    for (int i = 0; i < CREW; i++)
        if (crew->members[i].continue_us)
            crew->members[i].continue_us = 1;
    let_go_on(crew);
}

void crew_kill_all(soak_crew *crew)
{
    for (int i = 0; i < CREW; i++) {
        crew->members[i].killed = true;
        if (crew->members[i].pid)
            kill(crew->members[i].pid, SIGKILL);
    }
}

static int lane_of(const soak_crew *crew, pid_t pid)
{
    for (int i = 0; i < CREW; i++)
        if (crew->members[i].pid == pid)
            return i;
    return -1;
}

int crew_reap(soak_crew *crew, const char **how)
{
    static char text[64];
    int result;
    pid_t pid = waitpid(-1, &result, WNOHANG);
    int lane = pid > 0 ? lane_of(crew, pid) : -1;
    if (lane < 0)
        return -1;
    soak_member *member = &crew->members[lane];
    bool by_us = member->killed && WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL;
    *how = NULL;
    if (!by_us && result != 0) {
        snprintf(text, sizeof text, "%s %d", WIFSIGNALED(result) ? "signal" : "status",
                 WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result));
        *how = text;
    }
    member->pid = 0;
    return lane;
}

bool crew_is_gone(const soak_crew *crew)
{
    for (int i = 0; i < CREW; i++)
        if (crew->members[i].pid)
            return false;
    return true;
}

bool crew_stopped_since(const soak_crew *crew, int lane, int64_t us)
{
    return lane < CREW && (crew->members[lane].continue_us || crew->members[lane].continued_us >= us);
}
