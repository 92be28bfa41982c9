/* Processes that contend for one new resource: never two at once, growing sequences, a turn for everybody. */
#include "process/crew.h"

static void contend(int processes, int turns)
{
    pid_t workers[CREW_MAX];
    char why[256];
    for (int i = 0; i < processes; i++)
        workers[i] = crew_start(i, CREW_TAKE_TURNS, turns);
    crew_go();
    for (int i = 0; i < processes; i++)
        crew_join(workers[i]);
    if (!history_check(crew_book(), why, sizeof why))
        fail_msg("%s", why);
    int64_t highest = 0;
    for (int i = 0; i < processes; i++)
        assert_int_equal(history_turns(crew_book(), i), turns);
    for (int i = 0; i < processes * turns; i++)
        highest = crew_book()->entries[i].sequence > highest ? crew_book()->entries[i].sequence : highest;
    assert_int_equal(highest, processes * turns); /* contended tries burned no number */
}

TEST(two_processes_take_turns)
{
    contend(2, 60);
}

TEST(eight_processes_take_turns)
{
    contend(8, 20);
}

int main(int count, char **arguments)
{
    int status;
    if (crew_is_worker(count, arguments, &status))
        return status;
    crew_use(count, arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_processes_take_turns, crew_setup, crew_teardown),
        cmocka_unit_test_setup_teardown(eight_processes_take_turns, crew_setup, crew_teardown),
    };
    return cmocka_run_group_tests_name("processes: contention", tests, NULL, NULL);
}
