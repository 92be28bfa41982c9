/* Another client of the same database: it locks, or reads, for longer than anybody likes. */
#ifndef SOAK_NEIGHBOUR_H
#define SOAK_NEIGHBOUR_H

#include <stdint.h>

#include "soak/diary.h"

typedef struct soak_neighbour {
    /* Until the diary says stop, then the process ends. */
    void (*run)(soak_diary *diary, uint8_t lane, uint64_t seed, const char *url);
    /* True when the database is sound; else what is wrong goes to stderr. */
    bool (*check)(const char *url);
} soak_neighbour;

extern const soak_neighbour neighbour_sqlite;
extern const soak_neighbour neighbour_postgresql;

#endif
