#include "leaselock/common.h"

const char *leaselock_version(void)
{
    return LEASELOCK_VERSION;
}

int leaselock_version_number(void)
{
    return LEASELOCK_VERSION_MAJOR * 1000000 + LEASELOCK_VERSION_MINOR * 1000 + LEASELOCK_VERSION_PATCH;
}
