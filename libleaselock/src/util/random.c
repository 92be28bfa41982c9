#include "util/random.h"

#include "util/clock.h"
#include "util/error.h"

leaselock_status ll_random_acquisition(char id[LEASELOCK_ACQUISITION_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[LEASELOCK_ACQUISITION_LENGTH / 2];
    leaselock_status status = ll_random(bytes, sizeof bytes);
    if (status != LEASELOCK_OK)
        return status;
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[LEASELOCK_ACQUISITION_LENGTH] = '\0';
    return LEASELOCK_OK;
}

int64_t ll_random_between(int64_t low, int64_t high)
{
    uint64_t bits;
    if (high <= low || ll_random(&bits, sizeof bits) != LEASELOCK_OK)
        return low; /* jitter is a courtesy: without randomness the shortest pause will do */
    return low + (int64_t)(bits % ((uint64_t)(high - low) + 1));
}
