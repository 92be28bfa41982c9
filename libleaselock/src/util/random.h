/* Acquisition ids, and the jitter of waits. */
#ifndef LL_UTIL_RANDOM_H
#define LL_UTIL_RANDOM_H

#include "leaselock/common.h"

/* 128 random bits as 32 hexadecimal digits. */
leaselock_status ll_random_acquisition(char id[LEASELOCK_ACQUISITION_LENGTH + 1]);

/* A number from low to high, both included. */
int64_t ll_random_between(int64_t low, int64_t high);

#endif
