/* What every C test uses on top of cmocka. Asserts only on a test's own thread: cmocka leaves by longjmp. */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "leaselock.h"
#include "support/clock.h"

#define TEST(name) static void name(void **of_cmocka __attribute__((unused)))

/* The call answers `expected`; else the library's message is shown. */
#define assert_status(expected, call) check_status((expected), (call), #call, __FILE__, __LINE__)
#define assert_ok(call) assert_status(LEASELOCK_OK, (call))

/* The call answers `expected`, and the error record says the same. */
#define assert_refused(expected, call)                                     \
    do {                                                                   \
        assert_status((expected), (call));                                 \
        assert_int_equal(leaselock_error_last()->code, (expected));        \
        assert_string_not_equal(leaselock_error_last()->message, "");      \
    } while (0)

/* Polls until the condition holds; fails after a time that only a hang exceeds. */
#define assert_eventually(condition)                        \
    do {                                                    \
        int64_t give_up_ms = real_clock() + PATIENCE_MS;    \
        while (!(condition) && real_clock() < give_up_ms)   \
            real_sleep(1);                                  \
        if (!(condition))                                   \
            fail_msg("never came true: %s", #condition);    \
    } while (0)

void check_status(leaselock_status expected, leaselock_status got, const char *call, const char *file, int line);

#endif
