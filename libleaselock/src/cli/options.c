#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "leaselock.h"

enum { GRACE_DEFAULT_MS = 5000 };

/* Values of getopt_long(): beyond any character. */
enum {
    OPTION_DB = 256,
    OPTION_JSON,
    OPTION_CLIENT,
    OPTION_TTL,
    OPTION_WAIT,
    OPTION_NO_WAIT,
    OPTION_GRACE,
    OPTION_ALL,
    OPTION_RESOURCE,
    OPTION_SEQUENCE,
    OPTION_ACQUISITION,
    OPTION_HELP
};
enum { OPERAND = 1 }; /* what getopt_long() calls an operand in the order of the line */

static const struct known {
    struct option option;
    unsigned accept;
} known[] = {
    {{"db", required_argument, NULL, OPTION_DB}, ACCEPT_DB},
    {{"json", no_argument, NULL, OPTION_JSON}, ACCEPT_JSON},
    {{"client", required_argument, NULL, OPTION_CLIENT}, ACCEPT_CLIENT},
    {{"ttl", required_argument, NULL, OPTION_TTL}, ACCEPT_TTL},
    {{"wait", required_argument, NULL, OPTION_WAIT}, ACCEPT_WAIT},
    {{"no-wait", no_argument, NULL, OPTION_NO_WAIT}, ACCEPT_WAIT},
    {{"grace", required_argument, NULL, OPTION_GRACE}, ACCEPT_GRACE},
    {{"all", no_argument, NULL, OPTION_ALL}, ACCEPT_ALL},
    {{"resource", required_argument, NULL, OPTION_RESOURCE}, ACCEPT_LEASE},
    {{"sequence", required_argument, NULL, OPTION_SEQUENCE}, ACCEPT_LEASE},
    {{"acquisition", required_argument, NULL, OPTION_ACQUISITION}, ACCEPT_LEASE},
    {{"help", no_argument, NULL, OPTION_HELP}, 0},
};
enum { KNOWN_COUNT = sizeof known / sizeof *known };

bool options_read_number(const char *text, int64_t *out)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = number;
    return true;
}

/* The locale is never set, so that strtod() takes a point and nothing else. */
static bool read_duration(const char *text, int64_t *out_ms)
{
    static const struct unit {
        const char *name;
        double ms;
    } units[] = {{"", 1e3}, {"s", 1e3}, {"ms", 1}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
    static const double longest_ms = 1e15; /* as int64_t and as double alike */
    size_t length = strspn(text, "0123456789.");
    char *end;
    double number = strtod(text, &end);
    if (length == 0 || end != text + length)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        if (!(number * units[i].ms <= longest_ms))
            return false;
        *out_ms = llround(number * units[i].ms);
        return true;
    }
    return false;
}

static bool take_duration(const char *name, const char *text, int64_t *out_ms)
{
    if (read_duration(text, out_ms))
        return true;
    complain("--%s \"%s\" is not a duration, such as 30, 1.5, 500ms, 90s, 5m or 1h", name, text);
    return false;
}

/* Zero has to be caught here: in the library's options it stands for the default. */
static bool take_ttl(const char *text, int64_t *out_ms)
{
    if (!take_duration("ttl", text, out_ms))
        return false;
    if (*out_ms >= LEASELOCK_TTL_MIN_MS && *out_ms <= LEASELOCK_TTL_MAX_MS)
        return true;
    complain("--ttl \"%s\" has to be from 100ms to 24h", text);
    return false;
}

static bool take_wait(const char *text, struct options *out)
{
    out->waiting = WAIT_FOR;
    out->wait_ms = LEASELOCK_FOREVER;
    if (strcmp(text, "forever") == 0)
        return true;
    if (!take_duration("wait", text, &out->wait_ms))
        return false;
    if (out->wait_ms == 0)
        out->waiting = WAIT_NOT;
    return true;
}

static bool take_sequence(const char *text, int64_t *out)
{
    if (options_read_number(text, out) && *out > 0)
        return true;
    complain("--sequence \"%s\" is not a number from 1 on", text);
    return false;
}

static bool take_operand(char *text, const struct command *command, struct options *out)
{
    if (out->operand_count < command->operands_max) {
        out->operands[out->operand_count++] = text;
        return true;
    }
    complain(command->runs_program ? "\"%s\": the command has to follow \"--\"" : "\"%s\" is one operand too many", text);
    return false;
}

static bool take(int code, char *argument, const struct command *command, struct options *out)
{
    switch (code) {
    case OPTION_DB:
        out->db = argument;
        return true;
    case OPTION_JSON:
        out->json = true;
        return true;
    case OPTION_CLIENT:
        out->client = argument;
        return true;
    case OPTION_TTL:
        return take_ttl(argument, &out->ttl_ms);
    case OPTION_WAIT:
        return take_wait(argument, out);
    case OPTION_NO_WAIT:
        out->waiting = WAIT_NOT;
        return true;
    case OPTION_GRACE:
        return take_duration("grace", argument, &out->grace_ms);
    case OPTION_ALL:
        out->all = true;
        return true;
    case OPTION_RESOURCE:
        out->resource = argument;
        return true;
    case OPTION_SEQUENCE:
        return take_sequence(argument, &out->sequence);
    case OPTION_ACQUISITION:
        out->acquisition = argument;
        return true;
    case OPERAND:
        return take_operand(argument, command, out);
    default:
        return false; /* getopt_long() has complained */
    }
}

/* What follows the first "--": more operands, or the program; "-- RESOURCE -- PROGRAM" is for odd names. */
static bool take_rest(int argc, char **argv, const struct command *command, struct options *out)
{
    int next = optind;
    if (command->runs_program && out->operand_count > 0) {
        out->program = argv + next;
        return true;
    }
    for (; next < argc && !(command->runs_program && strcmp(argv[next], "--") == 0); next++)
        if (!take_operand(argv[next], command, out))
            return false;
    out->program = argv + next + (next < argc);
    return true;
}

static bool check_operands(const struct command *command, const struct options *options)
{
    if (options->operand_count < command->operands_min)
        complain("an operand is missing");
    else if (command->runs_program && !options->program[0])
        complain("the command is missing; it follows \"--\"");
    else
        return true;
    return false;
}

static int wrong_usage(const struct command *command)
{
    complain("usage: leaselock %s %s; see leaselock help %s", command->name, command->synopsis, command->name);
    return EXIT_USAGE;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *out)
{
    struct option accepted[KNOWN_COUNT + 1] = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        if (known[i].accept == 0 || known[i].accept & command->accepts)
            accepted[count++] = known[i].option;
    memset(out, 0, sizeof *out);
    out->grace_ms = GRACE_DEFAULT_MS;
    for (int code; (code = getopt_long(argc, argv, "-h", accepted, NULL)) != -1;) {
        if (code == OPTION_HELP || code == 'h')
            return help_print(command);
        if (!take(code, optarg, command, out))
            return wrong_usage(command);
    }
    if (!take_rest(argc, argv, command, out) || !check_operands(command, out))
        return wrong_usage(command);
    return OPTIONS_GO_ON;
}
