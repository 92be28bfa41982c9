/* Another SQLite client of the same file: it takes the write lock, or reads, for longer than anybody likes. */
#ifndef SOAK_NEIGHBOUR_H
#define SOAK_NEIGHBOUR_H

#include <stdint.h>

#include "soak/diary.h"

_Noreturn void neighbour_run(soak_diary *diary, uint8_t lane, uint64_t seed, const char *folder);

/* PRAGMA integrity_check: true when it says ok; else what it says goes to stderr. */
bool neighbour_check(const char *folder);

#endif
