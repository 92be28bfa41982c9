/*
 * Real namespaces, of time and of mounts, where the machine lets us make them. The program runs itself again inside of
 * one:
 *   sqlite_namespace inside URL ANSWER
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sqlite/child.h"
#include "sqlite/database.h"
#include "util/clock.h"

enum { OFFSET_S = 1000000, TTL_MS = 600000 };

/* Later children of this process are in a namespace whose boot clock is ahead by the offset. 0 or an errno. */
static int leave_for_namespace(int offset_s)
{
    char line[64];
    int length = snprintf(line, sizeof line, "boottime %d 0\n", offset_s);
    if (unshare(CLONE_NEWTIME) != 0)
        return errno;
    int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    int failure = file < 0 || write(file, line, (size_t)length) != length ? errno : 0;
    close(file);
    return failure;
}

static int try_to_leave(void *argument)
{
    (void)argument;
    return leave_for_namespace(OFFSET_S);
}

static void need_namespaces(void)
{
    int failure = child_end(child_start(try_to_leave, NULL));
    if (failure) {
        print_message("skipped: no time namespace on this machine: %s\n", strerror(failure));
        skip();
    }
}

/* In the namespace: what is held outside is held, with what is left of it; and something of its own. */
static int inside(const char *url, const char *answer)
{
    int64_t offset_ms;
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    expect(ll_clock_boot_offset(&offset_ms) == LEASELOCK_OK && offset_ms == OFFSET_S * INT64_C(1000));
    expect(leaselock_lock_open(url, NULL, &lock) == LEASELOCK_OK);
    expect(leaselock_lock_obtain_with_no_wait(lock, "outside", NULL, NULL, &lease) == LEASELOCK_BUSY);
    int64_t remaining_ms = leaselock_error_last()->remaining_ms;
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = TTL_MS};
    expect(leaselock_lock_obtain_with_no_wait(lock, "inside", NULL, &options, &lease) == LEASELOCK_OK);
    expect(leaselock_lease_remaining(lease) > TTL_MS * 9 / 10);
    FILE *file = fopen(answer, "w");
    expect(file);
    fprintf(file, "%lld", (long long)remaining_ms);
    fclose(file);
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
    return 0;
}

static int run_inside(void *argument)
{
    (void)argument;
    expect(leave_for_namespace(OFFSET_S) == 0);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "sqlite_namespace", "inside", database_url(), in_folder("answer"), (char *)NULL);
        _exit(127);
    }
    return child > 0 ? child_end(child) : 1;
}

TEST(leases_are_the_same_inside_and_outside)
{
    need_namespaces();
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "outside", TTL_MS);
    in_child(run_inside, NULL);
    char answer[32] = "";
    read_file(in_folder("answer"), answer, sizeof answer - 1);
    int64_t now = listed_remaining(lock, "outside"), there = atoll(answer);
    assert_true(there >= now && there <= TTL_MS);
    assert_true(there < now + PATIENCE_MS); /* the time that has passed since, not the offset */
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "inside"));
    assert_in_range(leaselock_error_last()->remaining_ms, TTL_MS - PATIENCE_MS, TTL_MS);
    release_now(lease);
    end_lock(lock);
}

/* What /proc says of the offset is the children's, and nothing says what this process's own is. */
static int open_before_entering(void *argument)
{
    (void)argument;
    leaselock_lock *lock = NULL;
    expect(leave_for_namespace(OFFSET_S) == 0);
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_CLOCK);
    return 0;
}

TEST(a_process_between_two_namespaces_is_refused)
{
    need_namespaces();
    char *before = folder_picture();
    in_child(open_before_entering, NULL);
    assert_folder_is(before);
    end_lock(open_database());
    before = folder_picture();
    in_child(open_before_entering, NULL);
    assert_folder_is(before);
}

/*
 * As containers do: another file, in a mount namespace of this process, where the kernel's boot id was. 0 or an errno.
 */
static int mount_over_boot_id(void *argument)
{
    (void)argument;
    bool mounted = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount(in_folder("boot_id"), "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL) == 0;
    return mounted ? 0 : errno;
}

static int open_with_another_boot_id(void *argument)
{
    leaselock_lock *lock = NULL;
    expect(mount_over_boot_id(argument) == 0);
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_CLOCK);
    return 0;
}

TEST(a_boot_id_that_was_mounted_over_is_refused)
{
    static const char text[] = "01234567-89ab-cdef-0123-456789abcdef\n";
    write_file(in_folder("boot_id"), text, sizeof text - 1);
    int failure = child_end(child_start(mount_over_boot_id, NULL));
    if (failure) {
        print_message("skipped: no mount namespace on this machine: %s\n", strerror(failure));
        skip();
    }
    char *before = folder_picture();
    in_child(open_with_another_boot_id, NULL);
    assert_folder_is(before);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "inside") == 0)
        return inside(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(leases_are_the_same_inside_and_outside),
        IN_FOLDER(a_process_between_two_namespaces_is_refused),
        IN_FOLDER(a_boot_id_that_was_mounted_over_is_refused),
    };
    return cmocka_run_group_tests_name("sqlite_namespace", tests, NULL, NULL);
}
