/* Real time for tests, where the library's own clock is under the test's control. */
#ifndef SUPPORT_CLOCK_H
#define SUPPORT_CLOCK_H

#include <stdint.h>

/* How long a test waits for what must happen: generous, since machines that run tests are slow at times. */
enum { PATIENCE_MS = 30000 };

/* Milliseconds of CLOCK_MONOTONIC, whatever the library's clock is. */
int64_t real_clock(void);
/* Microseconds of CLOCK_BOOTTIME. */
int64_t real_boot_us(void);
void real_sleep(int64_t ms);

#endif
