#include "support/clock.h"

#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t real_clock(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t real_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

void real_sleep(int64_t ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}
