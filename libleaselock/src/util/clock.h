/* The machine as the library sees it: clocks, boot id, file systems, through the probes of leaselock/sys/probes.h. */
#ifndef LL_UTIL_CLOCK_H
#define LL_UTIL_CLOCK_H

#include <stdbool.h>

#include "leaselock/sys/probes.h"

/* Milliseconds since boot, suspended time included: what every deadline in this process is measured by. */
int64_t ll_clock_boot(void);
/* Milliseconds since 1970 UTC. */
int64_t ll_clock_wall(void);
/* What both answer when they cannot be read: no lease is valid then, and an engine must not grant. */
#define LL_CLOCK_BROKEN INT64_MAX
/* The boot clock `ms` from now, saturating. */
int64_t ll_clock_after(int64_t ms);

/* CLOCK with a message where the machine has no boot id or no boot clock that all of its processes share. */
leaselock_status ll_clock_boot_id(char id[LEASELOCK_BOOT_ID_MAX + 1]);
leaselock_status ll_clock_boot_offset(int64_t *ms);

/* f_type of statfs(2); NOT_FOUND, PERMISSION or IO where the path cannot be looked at. */
leaselock_status ll_file_system_type(const char *path, int64_t *type);

/* INTERNAL where the system has no randomness. */
leaselock_status ll_random(void *bytes, size_t count);

/* True while the test clock is in force; `ll_clock_test_advance` then lets a pause move it. */
bool ll_clock_is_test(void);
void ll_clock_test_advance(int64_t microseconds);

#endif
