/* The log hook: what reaches it, and what does not. */
#include "util/log.h"

#include <string.h>

#include "support/check.h"

typedef struct heard {
    int count, level;
    char domain[32], message[600];
} heard;

static void hear(int level, const char *domain, const char *message, void *payload)
{
    heard *last = payload;
    last->count++;
    last->level = level;
    strncpy(last->domain, domain, sizeof last->domain - 1);
    strncpy(last->message, message, sizeof last->message - 1);
}

TEST(without_a_sink_nothing_happens)
{
    ll_log(LEASELOCK_LOG_ERROR, "test", "into the void %d", 1);
}

TEST(messages_up_to_the_level_arrive_whole)
{
    heard last = {0};
    leaselock_log_set(hear, &last, LEASELOCK_LOG_INFO);
    ll_log(LEASELOCK_LOG_ERROR, "test", "number %d", 1);
    assert_int_equal(last.level, LEASELOCK_LOG_ERROR);
    assert_string_equal(last.domain, "test");
    assert_string_equal(last.message, "number 1");
    ll_log(LEASELOCK_LOG_INFO, "test", "number %d", 2);
    assert_string_equal(last.message, "number 2");
    ll_log(LEASELOCK_LOG_DEBUG, "test", "number %d", 3);
    assert_int_equal(last.count, 2);
    leaselock_log_set(NULL, NULL, LEASELOCK_LOG_DEBUG);
    ll_log(LEASELOCK_LOG_ERROR, "test", "number %d", 4);
    assert_int_equal(last.count, 2);
}

TEST(a_long_message_is_cut)
{
    heard last = {0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    leaselock_log_set(hear, &last, LEASELOCK_LOG_DEBUG);
    ll_log(LEASELOCK_LOG_DEBUG, "test", "%s", text);
    leaselock_log_set(NULL, NULL, 0);
    assert_in_range(strlen(last.message), 200, 599);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_sink_nothing_happens),
        cmocka_unit_test(messages_up_to_the_level_arrive_whole),
        cmocka_unit_test(a_long_message_is_cut),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
