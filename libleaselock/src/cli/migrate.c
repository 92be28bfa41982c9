/* leaselock migrate up, down, steps, goto, force and drop: what changes a database. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/migrate.h"
#include "cli/migrate_report.h"
#include "leaselock/hooks.h"

typedef leaselock_status runner(leaselock_migrations *migrations, int64_t number, leaselock_migration_result **out);

static leaselock_status up(leaselock_migrations *migrations, int64_t number, leaselock_migration_result **out)
{
    (void)number;
    return leaselock_migrations_up(migrations, out);
}

static leaselock_status down(leaselock_migrations *migrations, int64_t number, leaselock_migration_result **out)
{
    (void)number;
    return leaselock_migrations_down(migrations, out);
}

static leaselock_status drop(leaselock_migrations *migrations, int64_t number, leaselock_migration_result **out)
{
    (void)number;
    return leaselock_migrations_drop(migrations, out);
}

static void log_warning(int level, const char *domain, const char *message, void *payload)
{
    (void)level, (void)domain, (void)payload;
    complain("%s", message);
}

static int run(const struct options *options, bool needs_files, runner *go, int64_t number)
{
    struct report report = {.as_json = options->json};
    leaselock_migrations *migrations = NULL;
    leaselock_migration_result *result = NULL;
    leaselock_log_set(log_warning, NULL, LEASELOCK_LOG_WARNING);
    int code = migrate_open(options, needs_files, report_progress, &report, &migrations);
    if (code != 0)
        return code;
    report_begin(&report);
    migrate_stop_on_signals(migrations);
    leaselock_status status = go(migrations, number, &result);
    migrate_stop_no_more();
    code = status == LEASELOCK_OK ? report_result(&report, result) : report_failure(&report, migrations);
    leaselock_migration_result_free(result);
    migrate_close(migrations);
    return code;
}

/* ---- operands ---- */

static bool read_count(const char *text, int64_t *out)
{
    if (options_read_number(text, out) && *out > 0)
        return true;
    complain("\"%s\" is not a number of migrations, from 1 on", text);
    return false;
}

static bool read_steps(const char *text, int64_t *out)
{
    bool is_back = text[0] == '-';
    if (!options_read_number(text + (is_back || text[0] == '+'), out) || *out == 0) {
        complain("\"%s\" is not a number of steps, such as 2 or -1", text);
        return false;
    }
    *out = is_back ? -*out : *out;
    return true;
}

static bool read_version(const char *text, int64_t *out)
{
    if (options_read_number(text, out))
        return true;
    complain("\"%s\" is not a version, from 0 to 9223372036854775807", text);
    return false;
}

/* ---- asking ---- */

/* Only y counts, as with golang-migrate; only a person is asked. */
static int ask(const char *question, const char *option)
{
    char answer[8];
    if (!isatty(STDIN_FILENO)) {
        complain("this needs %s, where nobody can be asked", option);
        return EXIT_USAGE;
    }
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(answer, sizeof answer, stdin) && (strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0))
        return 0;
    complain("nothing was changed");
    return EXIT_STOPPED;
}

/* ---- the commands ---- */

static int run_steps_of(const struct options *options, int64_t steps)
{
    return run(options, true, leaselock_migrations_steps, steps);
}

static int run_up(const struct options *options)
{
    int64_t count;
    if (options->operand_count == 0)
        return run(options, true, up, 0);
    return read_count(options->operands[0], &count) ? run_steps_of(options, count) : EXIT_USAGE;
}

static int run_down(const struct options *options)
{
    int64_t count;
    if (options->operand_count > 0 && options->all) {
        complain("down takes a number or --all, not both");
        return EXIT_USAGE;
    }
    if (options->operand_count > 0)
        return read_count(options->operands[0], &count) ? run_steps_of(options, -count) : EXIT_USAGE;
    int code = options->all ? 0 : ask("Take back every migration?", "a number or --all");
    return code == 0 ? run(options, true, down, 0) : code;
}

static int run_steps(const struct options *options)
{
    int64_t steps;
    return read_steps(options->operands[0], &steps) ? run_steps_of(options, steps) : EXIT_USAGE;
}

static int run_goto(const struct options *options)
{
    int64_t version;
    if (!read_version(options->operands[0], &version))
        return EXIT_USAGE;
    return run(options, true, leaselock_migrations_goto, version);
}

static int run_force(const struct options *options)
{
    int64_t version = LEASELOCK_NO_VERSION;
    const char *text = options->operands[0];
    bool is_none = strcmp(text, "none") == 0 || strcmp(text, "-1") == 0;
    if (!is_none && !read_version(text, &version))
        return EXIT_USAGE;
    return run(options, false, leaselock_migrations_force, version);
}

static int run_drop(const struct options *options)
{
    int code = options->yes ? 0 : ask("Drop every table and view, with all that is in them?", "--yes");
    return code == 0 ? run(options, false, drop, 0) : code;
}

static int run_part(const struct options *options)
{
    return options->part->run(options);
}

enum { RUNS = ACCEPT_DB | ACCEPT_JSON | ACCEPT_MIGRATIONS | ACCEPT_PATH | ACCEPT_WAIT };

static const struct command migrate_up = {
    .name = "up", .synopsis = "[OPTION]... [N]", .run = run_up,
    .accepts = RUNS, .operands_max = 1,
};
static const struct command migrate_down = {
    .name = "down", .synopsis = "[OPTION]... [N]", .run = run_down,
    .accepts = RUNS | ACCEPT_ALL, .operands_max = 1,
};
static const struct command migrate_steps = {
    .name = "steps", .synopsis = "[OPTION]... N", .run = run_steps,
    .accepts = RUNS, .operands_min = 1, .operands_max = 1,
};
static const struct command migrate_goto = {
    .name = "goto", .synopsis = "[OPTION]... V", .run = run_goto,
    .accepts = RUNS, .operands_min = 1, .operands_max = 1,
};
static const struct command migrate_force = {
    .name = "force", .synopsis = "[OPTION]... V", .run = run_force,
    .accepts = RUNS, .operands_min = 1, .operands_max = 1,
};
static const struct command migrate_drop = {
    .name = "drop", .synopsis = "[OPTION]...", .run = run_drop,
    .accepts = RUNS | ACCEPT_YES,
};

static const struct command *const parts[] = {
    &migrate_up,      &migrate_down,   &migrate_steps,  &migrate_goto, &migrate_force,
    &migrate_version, &migrate_status, &migrate_create, &migrate_drop, NULL,
};

const struct command command_migrate = {
    .name = "migrate",
    .summary = "bring a database's schema to another version",
    .synopsis = "COMMAND [OPTION]... [OPERAND]",
    .accepts = RUNS | ACCEPT_ALL | ACCEPT_YES | ACCEPT_NUMBERING,
    .parts = parts,
    .run = run_part,
    .help = "DESCRIPTION\n"
            "  Runs a folder of migrations, as golang-migrate has them: files named\n"
            "  000001_title.up.sql, and .down.sql for the way back; the version is kept in\n"
            "  the table schema_migrations. A migration and its version are written in one\n"
            "  transaction, so one that fails, or is killed, leaves nothing behind. Several\n"
            "  runners at once apply each migration exactly once.\n"
            "\n"
            "COMMANDS\n"
            "  up [N]            apply all that is pending, or the next N\n"
            "  down [N]          take the last N back; all of them needs --all, or a\n"
            "                    \"y\" on a terminal\n"
            "  steps N           apply the next N, or with -N take the last N back\n"
            "  goto V            go up or down to version V\n"
            "  force V           write version V and run nothing, after a database was\n"
            "                    repaired by hand; -1 or \"none\" is no version\n"
            "  version           print the version, \"none\" without one, and \"(dirty)\"\n"
            "  status            list the migrations, applied and pending\n"
            "  create NAME       make the two files of a new migration, and print their\n"
            "                    paths\n"
            "  drop              drop every table and view, but those of leases; needs\n"
            "                    --yes, or a \"y\" on a terminal\n"
            "\n"
            "OPTIONS\n"
            "  --db URL          the database, such as sqlite:app.db; else that of\n"
            "                    --config, else LEASELOCK_DB\n"
            "  --path DIR        the folder of the migrations; version, force and drop\n"
            "                    can do without\n"
            "  --config FILE     YAML with db.url (or db.engine, db.host, db.port,\n"
            "                    db.dbname) and db.migrations\n"
            "  --secrets DIR     a folder with the files POSTGRES_USER and\n"
            "                    POSTGRES_PASSWORD for --config; else the environment's\n"
            "  --table NAME      the version table (default: schema_migrations)\n"
            "  --wait DURATION   how long to wait for other runners, or \"forever\"\n"
            "                    (default: 5s)\n"
            "  --no-wait         do not wait for them\n"
            "  --all             down: everything\n"
            "  --yes, -f         drop: do not ask\n"
            "  --seq             create: the highest version plus 1 (default)\n"
            "  --time            create: the date and time, such as 20260131120000\n"
            "  --unix            create: the seconds since 1970\n"
            "  --digits N        create: of a --seq, with zeros in front (default: 6)\n"
            "  --ext NAME        create: the extension (default: sql)\n" HELP_JSON HELP_HELP "\n" HELP_DURATION
            "\n"
            "OUTPUT\n"
            "  A line for each migration that was run, as soon as it is. On a terminal it\n"
            "  is made for reading; elsewhere it has tabs between its fields:\n"
            "\n"
            "    up or down, version, title, milliseconds\n"
            "\n"
            "  and those of status are version, state (APPLIED, PENDING, or MISSING for a\n"
            "  version that no file has), files (up, down, or up,down), title. With --json\n"
            "  it is one object, also when the run fails: migrations, result (DONE,\n"
            "  NO_CHANGE, SHORT, STOPPED, FAILED), from and to where they are known,\n"
            "  dirty (true when this run left a migration half done), missing, and error\n"
            "  with name, message, file, line and column.\n"
            "\n"
            "SIGNALS\n"
            "  SIGINT, SIGTERM and SIGHUP stop a run after the migration that is at work,\n"
            "  and waiting at once; a second one cancels the statement, and its migration\n"
            "  is rolled back. One that cannot run in a transaction leaves the database\n"
            "  dirty then.\n"
            "\n"
            "PASSWORDS\n"
            "  One in --db is overwritten in the list of processes, but could be read\n"
            "  there for a moment. LEASELOCK_DB, --config and --secrets keep it out.\n"
            "\n"
            "EXAMPLES\n"
            "  leaselock migrate create --path db/migrations users\n"
            "  leaselock migrate up --db sqlite:app.db --path db/migrations\n",
    .exit_codes = "EXIT CODES\n"
                  "  0    done, or there was nothing to do\n"
                  "  64   wrong usage or an invalid argument; nothing was changed\n"
                  "  65   a file or the version table cannot be used, or no database\n"
                  "  66   no such file, directory or migration, or the database's version\n"
                  "       is in no file\n"
                  "  69   the database is out of reach\n"
                  "  70   an internal error\n"
                  "  71   not enough memory, or a network file system\n"
                  "  74   input or output failed\n"
                  "  75   another runner, or somebody's transaction, did not end in time\n"
                  "  77   permission denied, or a database that can only be read\n"
                  "  78   the configuration cannot be used, or a secret is missing\n"
                  "  79   the database is dirty: a migration was left half done, now or before\n"
                  "  80   a migration failed and left nothing; those that are listed stay\n"
                  "       applied\n"
                  "  81   there were fewer migrations than N\n"
                  "  82   stopped by a signal, or by an answer\n",
};
