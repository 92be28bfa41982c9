/*
 * A forked child inherits SQLite's table of locks, and would take none of its own: what was open then is refused.
 * The program runs itself again, as after an exec: sqlite_fork open URL
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sqlite/child.h"
#include "sqlite/database.h"

static leaselock_lock *lock;
static leaselock_lease *lease;

static int setup(void **state)
{
    if (folder_setup(state) != 0)
        return -1;
    lock = open_database();
    lease = obtain_now(lock, "r", 0);
    return 0;
}

static int teardown(void **state)
{
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
    return folder_teardown(state);
}

/* In a child: opens, obtains, closes. */
static int use(const char *url)
{
    leaselock_lock *own = NULL;
    leaselock_lease *taken = NULL;
    expect(leaselock_lock_open(url, NULL, &own) == LEASELOCK_OK);
    expect(leaselock_lock_obtain_with_no_wait(own, "child", NULL, NULL, &taken) == LEASELOCK_OK);
    expect(leaselock_lease_keep(taken) == LEASELOCK_OK);
    expect(leaselock_lock_release(own, taken, NULL) == LEASELOCK_OK);
    leaselock_lease_free(taken);
    expect(leaselock_lock_close(own) == LEASELOCK_OK);
    leaselock_lock_free(own);
    return 0;
}

static int is_refused(void *url)
{
    leaselock_lock *own = NULL;
    expect(leaselock_lock_open(url, NULL, &own) == LEASELOCK_FORKED && !own);
    expect(leaselock_error_last()->code == LEASELOCK_FORKED);
    return 0;
}

static int is_usable(void *url)
{
    return use(url);
}

static void assert_parent_goes_on(void)
{
    assert_ok(leaselock_lock_renew(lock, lease));
    leaselock_lock *rival = open_database();
    assert_refused(LEASELOCK_BUSY, try_obtain(rival, "r"));
    end_lock(rival);
}

TEST(the_same_path)
{
    in_child(is_refused, (void *)database_url());
    assert_parent_goes_on();
}

TEST(other_names_of_the_same_file)
{
    assert_int_equal(symlink("leases.db", "symlink"), 0);
    assert_int_equal(link("leases.db", "hardlink"), 0);
    in_child(is_refused, (void *)url_of(in_folder("symlink")));
    in_child(is_refused, (void *)url_of(in_folder("hardlink")));
    in_child(is_refused, (void *)"sqlite:./leases.db");
    assert_int_equal(rename("hardlink", "moved"), 0);
    in_child(is_refused, (void *)url_of(in_folder("moved")));
    assert_parent_goes_on();
}

TEST(other_files_are_fine)
{
    in_child(is_usable, (void *)url_of(in_folder("childs.db")));
    in_child(is_usable, (void *)url_of(in_folder("childs.db"))); /* it was open in a child only */
    end_lock(open_lock(url_of(in_folder("childs.db")), 0));
    in_child(is_usable, (void *)url_of(in_folder("childs.db"))); /* it was closed before the fork */
    assert_parent_goes_on();
}

TEST(what_was_closed_before_the_fork_is_fine)
{
    assert_ok(leaselock_lock_close(lock));
    in_child(is_usable, (void *)database_url());
}

TEST(one_open_handle_of_several_is_enough)
{
    leaselock_lock *second = open_database();
    assert_ok(leaselock_lock_close(lock));
    in_child(is_refused, (void *)database_url());
    end_lock(second);
    in_child(is_usable, (void *)database_url());
}

static int refuse_in_grandchild(void *url)
{
    expect(is_refused(url) == 0);
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(is_refused(url));
    expect(child_end(grandchild) == 0);
    return 0;
}

TEST(a_grandchild)
{
    in_child(refuse_in_grandchild, (void *)database_url());
}

/* The child's own files are its children's inheritance. */
static int refuse_childs_own(void *url)
{
    leaselock_lock *own = NULL;
    expect(leaselock_lock_open(url, NULL, &own) == LEASELOCK_OK);
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(is_refused(url));
    expect(child_end(grandchild) == 0);
    return 0;
}

TEST(a_grandchild_of_what_the_child_opened)
{
    in_child(refuse_childs_own, (void *)url_of(in_folder("childs.db")));
}

static int exec_itself(void *url)
{
    execl("/proc/self/exe", "sqlite_fork", "open", url, (char *)NULL);
    return 127;
}

TEST(after_an_exec_it_is_fine)
{
    in_child(exec_itself, (void *)database_url());
    assert_parent_goes_on();
}

static int touch_all_inherited(void *argument)
{
    (void)argument;
    leaselock_listing *listing = NULL;
    leaselock_lease *other = NULL;
    leaselock_state state = 0;
    int64_t floor;
    expect(leaselock_lease_state(lease) == LEASELOCK_STATE_FORKED);
    expect(!leaselock_lease_valid(lease) && leaselock_lease_remaining(lease) == 0);
    expect(leaselock_lock_obtain_with_no_wait(lock, "other", NULL, NULL, &other) == LEASELOCK_FORKED);
    expect(leaselock_lock_renew(lock, lease) == LEASELOCK_FORKED);
    expect(leaselock_lock_release(lock, lease, NULL) == LEASELOCK_FORKED);
    expect(leaselock_lease_keep(lease) == LEASELOCK_FORKED);
    expect(leaselock_lease_wait(lease, 0, &state) == LEASELOCK_FORKED);
    expect(leaselock_lock_list(lock, NULL, &listing) == LEASELOCK_FORKED);
    expect(leaselock_lock_raise_floor(lock, 5, &floor) == LEASELOCK_FORKED);
    expect(leaselock_lock_interrupt(lock) == LEASELOCK_FORKED);
    expect(leaselock_lock_close(lock) == LEASELOCK_FORKED);
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
    return 0;
}

/*
 * Whatever the child does with them: a closed descriptor would drop the parent's locks, a statement would be its own.
 */
TEST(inherited_handles)
{
    assert_ok(leaselock_lease_keep(lease));
    in_child(touch_all_inherited, NULL);
    assert_parent_goes_on();
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "open") == 0)
        return use(argv[2]);
#define OPEN_BEFORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        OPEN_BEFORE(the_same_path),
        OPEN_BEFORE(other_names_of_the_same_file),
        OPEN_BEFORE(other_files_are_fine),
        OPEN_BEFORE(what_was_closed_before_the_fork_is_fine),
        OPEN_BEFORE(one_open_handle_of_several_is_enough),
        OPEN_BEFORE(a_grandchild),
        OPEN_BEFORE(a_grandchild_of_what_the_child_opened),
        OPEN_BEFORE(after_an_exec_it_is_fine),
        OPEN_BEFORE(inherited_handles),
    };
    return cmocka_run_group_tests_name("sqlite_fork", tests, NULL, NULL);
}
