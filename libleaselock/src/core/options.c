#include "core/options.h"

#include <string.h>

#include "util/error.h"

leaselock_status ll_options_read(const void *given, void *options, size_t size)
{
    memset(options, 0, size);
    if (!given)
        return LEASELOCK_OK;
    size_t given_size;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size || given_size > 4096)
        return ll_error_set(LEASELOCK_INVALID, "struct_size of the options is not set");
    for (size_t i = size; i < given_size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return ll_error_set(LEASELOCK_INVALID, "the options ask for something this version does not know");
    memcpy(options, given, given_size < size ? given_size : size);
    return LEASELOCK_OK;
}
