/* What the engine refuses to open: each with a code of its own, and nothing on the disk is changed. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

static void assert_not_opened(leaselock_status code, const char *url)
{
    char *before = folder_picture();
    leaselock_lock *lock = NULL;
    assert_refused(code, leaselock_lock_open(url, NULL, &lock));
    assert_null(lock);
    assert_folder_is(before);
}

static void make_database(void)
{
    end_lock(open_database());
}

/* A database as another program would make it: without a WAL. */
static void make_plain_database(void)
{
    database_run("CREATE TABLE invoices (id INTEGER PRIMARY KEY, total INTEGER); INSERT INTO invoices VALUES (1, 42)");
}

/* --- file systems ---------------------------------------------------------------------------------------------- */

static int64_t file_system_type;

static int fake_file_system(void *payload, const char *path, int64_t *type)
{
    (void)payload;
    struct stat found;
    if (stat(path, &found) != 0)
        return errno;
    *type = file_system_type;
    return 0;
}

static void be_on(int64_t type)
{
    const leaselock_probes probes = {.struct_size = sizeof probes, .file_system = fake_file_system};
    file_system_type = type;
    leaselock_probes_set(&probes);
}

TEST(file_systems_whose_locks_cannot_be_trusted)
{
    /* f_type is signed on some machines */
    const int64_t untrusted[] = {NFS_SUPER_MAGIC,  CIFS_SUPER_MAGIC, (int32_t)CIFS_SUPER_MAGIC,
                                 SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC, V9FS_MAGIC};
    for (size_t i = 0; i < sizeof untrusted / sizeof *untrusted; i++) {
        be_on(untrusted[i]);
        assert_not_opened(LEASELOCK_NETWORK_FILE_SYSTEM, database_url());
        assert_non_null(strstr(leaselock_error_last()->message, "any_file_system=1"));
    }
}

TEST(an_existing_database_on_such_a_file_system)
{
    make_database();
    be_on(NFS_SUPER_MAGIC);
    assert_not_opened(LEASELOCK_NETWORK_FILE_SYSTEM, database_url());
}

TEST(an_option_overrides_it)
{
    char url[PATH_MAX + 32];
    be_on(NFS_SUPER_MAGIC);
    snprintf(url, sizeof url, "%s?any_file_system=0", database_url());
    assert_not_opened(LEASELOCK_NETWORK_FILE_SYSTEM, url);
    snprintf(url, sizeof url, "%s?any_file_system=1", database_url());
    leaselock_lock *lock = open_lock(url, 0);
    assert_int_equal(next_sequence(lock, "r"), 1);
    end_lock(lock);
}

TEST(local_file_systems_are_fine)
{
    const int64_t trusted[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC,
                               OVERLAYFS_SUPER_MAGIC};
    for (size_t i = 0; i < sizeof trusted / sizeof *trusted; i++) {
        be_on(trusted[i]);
        end_lock(open_database());
    }
}

/* --- files that are no database -------------------------------------------------------------------------------- */

TEST(files_that_are_no_database)
{
    unsigned char bytes[4096];
    make_plain_database();
    size_t size = read_file(database_path(), bytes, sizeof bytes);
    assert_true(size == sizeof bytes);
    const char *path = in_folder("other");

    write_file(path, "# Shopping\n- milk\n- leases\n", 27);
    assert_not_opened(LEASELOCK_NOT_A_DATABASE, url_of(path));
    write_file(path, bytes, 10);
    assert_not_opened(LEASELOCK_NOT_A_DATABASE, url_of(path));
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    write_file(path, bytes, sizeof bytes);
    assert_not_opened(LEASELOCK_NOT_A_DATABASE, url_of(path));
}

TEST(a_damaged_database)
{
    unsigned char bytes[8192];
    make_plain_database();
    size_t size = read_file(database_path(), bytes, sizeof bytes);
    write_file(in_folder("half a header"), bytes, 60);
    assert_not_opened(LEASELOCK_CORRUPT, url_of(in_folder("half a header")));
    memset(bytes + 100, 0xa5, size - 100); /* the header is right, and nothing else */
    write_file(database_path(), bytes, size);
    assert_not_opened(LEASELOCK_CORRUPT, database_url());
}

TEST(an_empty_file_is_a_new_database)
{
    write_file(database_path(), "", 0);
    leaselock_lock *lock = open_database();
    assert_int_equal(next_sequence(lock, "r"), 1);
    end_lock(lock);
}

TEST(a_database_of_a_newer_version)
{
    make_plain_database();
    database_run("CREATE TABLE leaselock_migrations (version uint64, dirty bool);"
                 "INSERT INTO leaselock_migrations VALUES (999, 0)");
    assert_not_opened(LEASELOCK_NEWER_DATABASE, database_url());
    assert_non_null(strstr(leaselock_error_last()->message, "999"));
}

TEST(our_own_database_after_a_newer_version_was_there)
{
    make_database();
    database_run("UPDATE leaselock_migrations SET version = 999");
    assert_not_opened(LEASELOCK_NEWER_DATABASE, database_url());
}

TEST(a_migration_that_was_left_half_done)
{
    make_database();
    database_run("UPDATE leaselock_migrations SET dirty = 1");
    assert_not_opened(LEASELOCK_FOREIGN_TABLES, database_url());
    assert_non_null(strstr(leaselock_error_last()->message, "dirty"));
}

/* --- what is no file ------------------------------------------------------------------------------------------- */

TEST(a_directory)
{
    assert_int_equal(mkdir(in_folder("sub"), 0777), 0);
    assert_not_opened(LEASELOCK_DIRECTORY, url_of(in_folder("sub")));
    assert_not_opened(LEASELOCK_DIRECTORY, url_of(in_folder("sub/")));
    assert_not_opened(LEASELOCK_DIRECTORY, url_of(in_folder("sub/..")));
    assert_not_opened(LEASELOCK_DIRECTORY, url_of(in_folder("new/")));
}

TEST(a_fifo_a_socket_a_device)
{
    assert_int_equal(mkfifo(in_folder("fifo"), 0666), 0);
    assert_not_opened(LEASELOCK_NOT_A_DATABASE, url_of(in_folder("fifo")));

    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "socket"); /* the folder is the current one */
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_not_opened(LEASELOCK_NOT_A_DATABASE, url_of(in_folder("socket")));
    close(listener);

    assert_not_opened(LEASELOCK_NOT_A_DATABASE, "sqlite:///dev/null");
}

TEST(a_folder_that_is_not_there)
{
    assert_not_opened(LEASELOCK_NOT_FOUND, url_of(in_folder("no/leases.db")));
    assert_not_opened(LEASELOCK_NOT_FOUND, "sqlite:no/leases.db");
    write_file(in_folder("file"), "", 0);
    assert_not_opened(LEASELOCK_NOT_FOUND, url_of(in_folder("file/leases.db")));
}

/* --- permissions ----------------------------------------------------------------------------------------------- */

static int is_not_opened(void *code)
{
    leaselock_lock *lock = NULL;
    expect(leaselock_lock_open(database_url(), NULL, &lock) == (leaselock_status)(intptr_t)code);
    expect(!lock && leaselock_error_last()->code == (leaselock_status)(intptr_t)code);
    return 0;
}

static void assert_not_opened_without_rights(leaselock_status code)
{
    char *before = folder_picture();
    in_child_without_rights(is_not_opened, (void *)(intptr_t)code);
    assert_folder_is(before);
}

/* Takes the rights away from everybody, the owner included, and everybody else above all. */
static void set_mode(const char *path, mode_t mode)
{
    assert_int_equal(chmod(path, mode), 0);
}

TEST(a_file_that_can_only_be_read)
{
    make_plain_database();
    set_mode(database_path(), 0444);
    assert_not_opened_without_rights(LEASELOCK_READ_ONLY);
}

TEST(an_empty_file_that_can_only_be_read)
{
    write_file(database_path(), "", 0);
    set_mode(database_path(), 0444);
    assert_not_opened_without_rights(LEASELOCK_READ_ONLY);
}

TEST(our_own_file_that_can_only_be_read)
{
    make_database();
    set_mode(database_path(), 0444);
    assert_not_opened_without_rights(LEASELOCK_READ_ONLY); /* beside its -wal and -shm */
    assert_int_equal(unlink(in_folder("leases.db-wal")), 0);
    assert_int_equal(unlink(in_folder("leases.db-shm")), 0);
    assert_not_opened_without_rights(LEASELOCK_READ_ONLY); /* and without: they are not made either */
}

static int is_told_why(void *nothing)
{
    (void)nothing;
    leaselock_lock *lock = NULL;
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_PERMISSION);
    expect(strstr(leaselock_error_last()->message, strerror(EACCES)) != NULL);
    return 0;
}

TEST(a_file_that_cannot_be_read)
{
    make_database();
    set_mode(database_path(), 0000);
    assert_not_opened_without_rights(LEASELOCK_PERMISSION);
    in_child_without_rights(is_told_why, NULL);
}

TEST(a_folder_that_cannot_be_written)
{
    set_mode(folder, 0555);
    assert_not_opened_without_rights(LEASELOCK_PERMISSION);
}

TEST(a_file_in_a_folder_that_cannot_be_written)
{
    make_plain_database();
    set_mode(database_path(), 0666);
    set_mode(folder, 0555);
    assert_not_opened_without_rights(LEASELOCK_PERMISSION);
}

TEST(our_own_file_in_a_folder_that_cannot_be_written)
{
    make_database();
    set_mode(database_path(), 0666);
    assert_int_equal(unlink(in_folder("leases.db-wal")), 0);
    assert_int_equal(unlink(in_folder("leases.db-shm")), 0);
    set_mode(folder, 0555);
    assert_not_opened_without_rights(LEASELOCK_PERMISSION);
}

TEST(a_folder_that_cannot_be_entered)
{
    make_database();
    set_mode(folder, 0600);
    assert_not_opened_without_rights(LEASELOCK_PERMISSION);
}

/* --- URLs ------------------------------------------------------------------------------------------------------ */

TEST(a_database_in_memory_is_refused_with_a_hint)
{
    assert_not_opened(LEASELOCK_INVALID, "sqlite::memory:");
    assert_non_null(strstr(leaselock_error_last()->message, "use memory:NAME"));
    assert_not_opened(LEASELOCK_INVALID, "sqlite:%3Amemory%3a");
}

TEST(malformed_urls)
{
    static const char *const malformed[] = {
        "sqlite:",        "sqlite:?any_file_system=1", "sqlite:a%",       "sqlite:a%4",  "sqlite:a%zz",
        "sqlite:a%4z",    "sqlite:a%00b",              "sqlite:a%-1b",    "sqlite://a",  "sqlite://host/a",
        "sqlite:a?x",     "sqlite:a?=1",               "sqlite:a?any_file_system=%3",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_not_opened(LEASELOCK_INVALID, malformed[i]);
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a\xff");
    assert_not_opened(LEASELOCK_INVALID, "sqlite://leases.db");
    assert_non_null(strstr(leaselock_error_last()->message, "a relative path has none"));
}

TEST(unknown_options)
{
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a?mode=ro");
    assert_non_null(strstr(leaselock_error_last()->message, "mode"));
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a?any_file_system=1&vfs=unix-none");
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a?any_file_system=yes");
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a?any_file_system=");
    assert_not_opened(LEASELOCK_INVALID, "sqlite:a?Any_file_system=1");
}

TEST(names_that_are_too_long)
{
    char url[8192];
    memset(url, 'a', sizeof url);
    memcpy(url, "sqlite:", 7);
    url[7 + 256] = '\0'; /* for the file system */
    assert_not_opened(LEASELOCK_INVALID, url);
    url[7 + 256] = 'a';
    url[sizeof url - 1] = '\0'; /* for any system call */
    assert_not_opened(LEASELOCK_INVALID, url);
}

TEST(a_path_that_is_too_long_for_sqlite)
{
    char deep[PATH_MAX];
    size_t length = (size_t)snprintf(deep, sizeof deep, "%.1000s", folder);
    while (length < 700) {
        length += (size_t)snprintf(deep + length, sizeof deep - length, "/%0100d", 0);
        assert_int_equal(mkdir(deep, 0777), 0);
    }
    snprintf(deep + length, sizeof deep - length, "/leases.db");
    assert_not_opened(LEASELOCK_INVALID, url_of(deep));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(file_systems_whose_locks_cannot_be_trusted),
        IN_FOLDER(an_existing_database_on_such_a_file_system),
        IN_FOLDER(an_option_overrides_it),
        IN_FOLDER(local_file_systems_are_fine),
        IN_FOLDER(files_that_are_no_database),
        IN_FOLDER(a_damaged_database),
        IN_FOLDER(an_empty_file_is_a_new_database),
        IN_FOLDER(a_database_of_a_newer_version),
        IN_FOLDER(our_own_database_after_a_newer_version_was_there),
        IN_FOLDER(a_migration_that_was_left_half_done),
        IN_FOLDER(a_directory),
        IN_FOLDER(a_fifo_a_socket_a_device),
        IN_FOLDER(a_folder_that_is_not_there),
        IN_FOLDER(a_file_that_can_only_be_read),
        IN_FOLDER(an_empty_file_that_can_only_be_read),
        IN_FOLDER(our_own_file_that_can_only_be_read),
        IN_FOLDER(a_file_that_cannot_be_read),
        IN_FOLDER(a_folder_that_cannot_be_written),
        IN_FOLDER(a_file_in_a_folder_that_cannot_be_written),
        IN_FOLDER(our_own_file_in_a_folder_that_cannot_be_written),
        IN_FOLDER(a_folder_that_cannot_be_entered),
        IN_FOLDER(a_database_in_memory_is_refused_with_a_hint),
        IN_FOLDER(malformed_urls),
        IN_FOLDER(unknown_options),
        IN_FOLDER(names_that_are_too_long),
        IN_FOLDER(a_path_that_is_too_long_for_sqlite),
    };
    return cmocka_run_group_tests_name("sqlite_refusals", tests, NULL, NULL);
}
