/* The processes of a soak: started, killed and stopped at random moments, started anew. */
#ifndef SOAK_CREW_H
#define SOAK_CREW_H

#include <sys/types.h>

#include "soak/dice.h"
#include "soak/diary.h"

enum { WORKERS = 8, NEIGHBOUR = WORKERS, CREW };

typedef struct soak_member {
    pid_t pid; /* 0: none */
    uint64_t starts;
    bool killed;
    int64_t continue_us; /* 0: not stopped */
    int64_t continued_us; /* when it last went on after a stop */
} soak_member;

typedef struct soak_crew {
    soak_diary *diary;
    const char *folder; /* of the diary */
    const char *url;
    uint64_t seed;
    soak_dice dice;
    soak_member members[CREW];
    int64_t next_kill_us, next_stop_us;
    unsigned long kills, stops;
} soak_crew;

/* The members start at once. */
void crew_start(soak_crew *crew, soak_diary *diary, const char *folder, const char *url, uint64_t seed);
/* Starts the one that works in this lane. */
void crew_start_member(soak_crew *crew, int lane);

/* Kills and stops whoever is due, and lets the stopped ones go on. */
void crew_annoy(soak_crew *crew);
/* No more kills, and nobody stays stopped. */
void crew_relax(soak_crew *crew);
void crew_kill_all(soak_crew *crew);

/* The lane of a member that has ended, and how when that was not as it should be, else NULL; -1 without one. */
int crew_reap(soak_crew *crew, const char **how);
bool crew_is_gone(const soak_crew *crew);

/* The process of the lane was stopped at that time or later. */
bool crew_stopped_since(const soak_crew *crew, int lane, int64_t us);

#endif
