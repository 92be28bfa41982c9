/**
 * What the library asks of the machine, replaceable by tests: clocks, boot id, time namespace, file system, randomness.
 * Process-wide; set them while no other thread uses the library. Less stable than the plain headers.
 */
#ifndef LEASELOCK_SYS_PROBES_H
#define LEASELOCK_SYS_PROBES_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LEASELOCK_BOOT_ID_MAX 63

/** Each function returns 0, or an errno. A slot that is NULL keeps the machine's own. */
typedef struct leaselock_probes {
    size_t struct_size;
    void *payload;
    /** CLOCK_BOOTTIME: milliseconds since boot, suspended time included. */
    int (*boot_clock)(void *payload, int64_t *ms);
    /** Milliseconds since 1970 UTC. */
    int (*wall_clock)(void *payload, int64_t *ms);
    /** Names this boot of this machine; ENOTSUP where the name cannot be trusted (its file is not procfs). */
    int (*boot_id)(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1]);
    /** What this process's time namespace adds to the boot clock; ENOTSUP where that cannot be known. */
    int (*boot_offset)(void *payload, int64_t *ms);
    /** statfs(2)'s f_type of the file system that holds `path`. */
    int (*file_system)(void *payload, const char *path, int64_t *type);
    int (*random)(void *payload, void *bytes, size_t count);
} leaselock_probes;

/** Copied; NULL brings back the machine's own. Since 0.1. */
LEASELOCK_API void leaselock_probes_set(const leaselock_probes *probes);

/**
 * The test clock: boot and wall clock stand still until a test moves them, and every pause of an obtain moves them by
 * its own length instead of sleeping. The keeper looks at it every few real milliseconds. Since 0.1.
 */
LEASELOCK_API void leaselock_test_clock_start(int64_t boot_ms, int64_t wall_ms);

/** Moves both clocks; negative values are for tests of clocks that go wrong. Since 0.1. */
LEASELOCK_API void leaselock_test_clock_advance(int64_t ms);

/** Moves the wall clock alone, as an administrator would. Since 0.1. */
LEASELOCK_API void leaselock_test_clock_step_wall(int64_t ms);

/** Back to the machine's clocks. Since 0.1. */
LEASELOCK_API void leaselock_test_clock_stop(void);

#ifdef __cplusplus
}
#endif

#endif
