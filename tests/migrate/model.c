/* Random directories and random calls, against a model that is too simple to be wrong: one step at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/anywhere.h"

enum { VERSIONS = 8, CALLS = 25 };

typedef enum kind_of_body { ABSENT, GOOD, FAILING } kind_of_body;

/* Version v has up[v] and down[v]; `at` is the database's, -1 for none. */
typedef struct simple {
    kind_of_body up[VERSIONS], down[VERSIONS];
    int at;
    char ran[4096];
} simple;

typedef struct answer {
    leaselock_status status;
    leaselock_migration_kind kind;
    int64_t missing;
} answer;

static bool exists(const simple *model, int version)
{
    return model->up[version] || model->down[version];
}

static int above(const simple *model, int version)
{
    do
        version++;
    while (version < VERSIONS && !exists(model, version));
    return version; /* VERSIONS: there is none */
}

static int below(const simple *model, int version)
{
    do
        version--;
    while (version >= 0 && !exists(model, version));
    return version;
}

/* One migration; false when it failed. */
static bool step(simple *model, bool up)
{
    int version = up ? above(model, model->at) : model->at;
    kind_of_body body = up ? model->up[version] : model->down[version];
    if (body == FAILING)
        return false;
    if (body == GOOD)
        sprintf(model->ran + strlen(model->ran), "%c%d", up ? '+' : '-', version);
    model->at = up ? version : below(model, version);
    return true;
}

static bool can_step(const simple *model, bool up)
{
    return up ? above(model, model->at) < VERSIONS : model->at >= 0;
}

static answer answer_steps(simple *model, int64_t count)
{
    if (count == 0)
        return (answer){0, LEASELOCK_MIGRATION_NO_CHANGE, 0};
    if (!can_step(model, count > 0))
        return (answer){LEASELOCK_NO_MIGRATION, 0, 0};
    int64_t left = llabs(count);
    for (; left > 0 && can_step(model, count > 0); left--)
        if (!step(model, count > 0))
            return (answer){LEASELOCK_MIGRATION_FAILED, 0, 0};
    return (answer){0, left ? LEASELOCK_MIGRATION_SHORT : LEASELOCK_MIGRATION_DONE, left};
}

static answer answer_all(simple *model, bool up)
{
    if (up && above(model, -1) == VERSIONS)
        return (answer){LEASELOCK_NO_MIGRATION, 0, 0};
    if (!can_step(model, up))
        return (answer){0, LEASELOCK_MIGRATION_NO_CHANGE, 0};
    while (can_step(model, up))
        if (!step(model, up))
            return (answer){LEASELOCK_MIGRATION_FAILED, 0, 0};
    return (answer){0, LEASELOCK_MIGRATION_DONE, 0};
}

static answer answer_goto(simple *model, int version)
{
    if (version >= VERSIONS || !exists(model, version))
        return (answer){LEASELOCK_NO_MIGRATION, 0, 0};
    if (version == model->at)
        return (answer){0, LEASELOCK_MIGRATION_NO_CHANGE, 0};
    for (bool up = version > model->at; model->at != version;)
        if (!step(model, up))
            return (answer){LEASELOCK_MIGRATION_FAILED, 0, 0};
    return (answer){0, LEASELOCK_MIGRATION_DONE, 0};
}

/* The same call on both. */
static void call_both(simple *model, leaselock_migrations *migrations, char *said)
{
    leaselock_migration_result *result = NULL;
    leaselock_status status;
    answer expected;
    int number = rand() % 11 - 5;
    switch (rand() % 4) {
    case 0:
        sprintf(said, "up");
        expected = answer_all(model, true);
        status = leaselock_migrations_up(migrations, &result);
        break;
    case 1:
        sprintf(said, "down");
        expected = answer_all(model, false);
        status = leaselock_migrations_down(migrations, &result);
        break;
    case 2:
        sprintf(said, "steps %d", number);
        expected = answer_steps(model, number);
        status = leaselock_migrations_steps(migrations, number, &result);
        break;
    default:
        number = rand() % (VERSIONS + 2);
        sprintf(said, "goto %d", number);
        expected = answer_goto(model, number);
        status = leaselock_migrations_goto(migrations, number, &result);
        break;
    }
    assert_string_equal(leaselock_error_name(status), leaselock_error_name(expected.status));
    if (status == LEASELOCK_OK) {
        assert_int_equal(leaselock_migration_result_kind(result), expected.kind);
        assert_int_equal(leaselock_migration_result_missing(result), expected.missing);
    }
    leaselock_migration_result_free(result);
}

static void fill(simple *model, leaselock_migration_source *source)
{
    memset(model, 0, sizeof *model);
    model->at = -1;
    for (int i = 0; i < 2 * VERSIONS; i++) {
        bool up = i % 2;
        int dice = rand() % 10;
        kind_of_body body = dice < 4 ? ABSENT : dice < 9 ? GOOD : FAILING;
        (up ? model->up : model->down)[i / 2] = body;
        char name[64], text[128];
        /* a failing body does something first, which must be undone */
        sprintf(text, "INSERT INTO ran (what) VALUES ('%c%d'); %s", up ? '+' : '-', i / 2,
                body == FAILING ? "OOPS" : "");
        sprintf(name, "%0*d_x.%s.sql", rand() % 5 + 1, i / 2, up ? "up" : "down");
        if (body != ABSENT)
            assert_ok(leaselock_migration_source_add(source, name, text, strlen(text)));
    }
}

static void one_round(void)
{
    simple model;
    leaselock_migration_source *source;
    leaselock_migrations *migrations;
    assert_ok(leaselock_migration_source_new(&source));
    fill(&model, source);
    assert_ok(leaselock_migrations_open_source(anywhere_url(), source, NULL, &migrations));
    leaselock_migration_source_free(source);
    anywhere_make_ran();
    for (int i = 0; i < CALLS; i++) {
        char said[32];
        call_both(&model, migrations, said);
        assert_version(migrations, model.at, false);
        if (strcmp(model.ran, anywhere_ran("")) != 0)
            fail_msg("after %s", said);
    }
    end_migrations(migrations);
    anywhere_empty();
}

TEST(random_directories_and_calls)
{
    for (unsigned seed = 0; seed < anywhere_rounds; seed++) {
        print_message("seed %u\n", seed);
        srand(seed);
        one_round();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {ANYWHERE(random_directories_and_calls)};
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
