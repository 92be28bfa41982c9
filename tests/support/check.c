#include "support/check.h"

void check_status(leaselock_status expected, leaselock_status got, const char *call, const char *file, int line)
{
    if (got == expected)
        return;
    print_error("%s\n    answered %s (%s), not %s\n", call, leaselock_error_name(got), leaselock_error_last()->message,
                leaselock_error_name(expected));
    _fail(file, line);
}
