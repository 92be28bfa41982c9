/* A process that uses leases in every way there is, until it is told to stop, killed, or has had enough. */
#ifndef SOAK_WORKER_H
#define SOAK_WORKER_H

#include <stdint.h>

#include "soak/diary.h"

/* On the database of the URL. Does not return. */
_Noreturn void worker_run(soak_diary *diary, uint8_t lane, uint64_t seed, const char *url);

#endif
