/* Migrations behind a pooler in transaction mode: each transaction may meet another session. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/runs.h"
#include "postgresql/database.h"

enum { PROCESSES = 8 };

static leaselock_status open_at(const char *url, const char *third, leaselock_migrations **out)
{
    static const char first[] = "CREATE TABLE a (what int); INSERT INTO a VALUES (1)",
                      second[] = "INSERT INTO a VALUES (2)";
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = PATIENCE_MS};
    leaselock_migration_source *source;
    assert_ok(leaselock_migration_source_new(&source));
    assert_ok(leaselock_migration_source_add(source, "1_a.up.sql", first, strlen(first)));
    assert_ok(leaselock_migration_source_add(source, "2_b.up.sql", second, strlen(second)));
    assert_ok(leaselock_migration_source_add(source, "3_c.up.sql", third, strlen(third)));
    leaselock_status status = leaselock_migrations_open_source(url, source, &options, out);
    leaselock_migration_source_free(source);
    return status;
}

static int up(void)
{
    leaselock_migrations *migrations = NULL;
    leaselock_status status = open_at(server(""), "INSERT INTO a VALUES (3)", &migrations);
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_up(migrations, NULL);
    if (status != LEASELOCK_OK)
        fprintf(stderr, "%s\n", leaselock_error_last()->message);
    leaselock_migrations_free(migrations);
    return status != LEASELOCK_OK;
}

TEST(many_processes_apply_each_once_and_leave_no_lock)
{
    pid_t children[PROCESSES];
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0)
            _exit(up());
    for (int i = 0; i < PROCESSES; i++) {
        int state;
        while (waitpid(children[i], &state, 0) < 0)
            assert_int_equal(errno, EINTR);
        assert_true(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    }
    PGconn *other = session();
    assert_string_equal(sql(other, "SELECT string_agg(what::text, ',' ORDER BY ctid) FROM a"), "1,2,3");
    assert_int_equal(number(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    PQfinish(other);
}

TEST(what_needs_a_session_of_its_own_is_refused_before_it_begins)
{
    leaselock_migrations *migrations = NULL;
    PGconn *other = session();
    sql(other, "DELETE FROM schema_migrations; INSERT INTO schema_migrations VALUES (2, false)");
    assert_ok(open_at(server(""), "VACUUM", &migrations));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(migrations, NULL));
    assert_message("pooler");
    assert_version(migrations, 2, false);
    assert_int_equal(number(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    end_migrations(migrations);
    PQfinish(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_processes_apply_each_once_and_leave_no_lock),
        cmocka_unit_test(what_needs_a_session_of_its_own_is_refused_before_it_begins),
    };
    return cmocka_run_group_tests_name("migrate_pooler", tests, NULL, NULL);
}
