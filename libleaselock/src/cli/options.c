#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/hide.h"
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
    OPTION_CONFIG,
    OPTION_SECRETS,
    OPTION_TABLE,
    OPTION_PATH,
    OPTION_SEQ,
    OPTION_TIME,
    OPTION_UNIX,
    OPTION_DIGITS,
    OPTION_EXT,
    OPTION_NO_INSTALL,
    OPTION_HELP
};
enum { OPTION_YES = 'f' }; /* its short form */
enum { OPERAND = 1 };      /* what getopt_long() calls an operand in the order of the line */

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
    {{"config", required_argument, NULL, OPTION_CONFIG}, ACCEPT_PATH},
    {{"secrets", required_argument, NULL, OPTION_SECRETS}, ACCEPT_MIGRATIONS},
    {{"table", required_argument, NULL, OPTION_TABLE}, ACCEPT_MIGRATIONS},
    {{"path", required_argument, NULL, OPTION_PATH}, ACCEPT_PATH},
    {{"yes", no_argument, NULL, OPTION_YES}, ACCEPT_YES},
    {{"seq", no_argument, NULL, OPTION_SEQ}, ACCEPT_NUMBERING},
    {{"time", no_argument, NULL, OPTION_TIME}, ACCEPT_NUMBERING},
    {{"unix", no_argument, NULL, OPTION_UNIX}, ACCEPT_NUMBERING},
    {{"digits", required_argument, NULL, OPTION_DIGITS}, ACCEPT_NUMBERING},
    {{"ext", required_argument, NULL, OPTION_EXT}, ACCEPT_NUMBERING},
    {{"no-install", no_argument, NULL, OPTION_NO_INSTALL}, ACCEPT_INSTALL},
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

static bool take_digits(const char *text, int64_t *out)
{
    if (options_read_number(text, out) && *out >= 1 && *out <= 19)
        return true;
    complain("--digits \"%s\" is not a number from 1 to 19", text);
    return false;
}

static bool take_part(const char *name, const struct command *command, struct options *out)
{
    out->part = command_find(command->parts, name);
    if (!out->part)
        complain("\"%s\" is no command of leaselock %s", name, command->name);
    return out->part;
}

static bool take_operand(char *text, const struct command *command, struct options *out)
{
    if (command->parts && !out->part)
        return take_part(text, command, out);
    if (command->parts)
        command = out->part;
    if (out->operand_count < command->operands_max) {
        out->operands[out->operand_count++] = text;
        return true;
    }
    complain(command->runs_program ? "\"%s\": the command has to follow \"--\"" : "\"%s\" is one operand too many",
             text);
    return false;
}

static bool take_of_migrations(int code, const char *argument, struct options *out)
{
    switch (code) {
    case OPTION_CONFIG:
        out->config = argument;
        return true;
    case OPTION_SECRETS:
        out->secrets = argument;
        return true;
    case OPTION_TABLE:
        out->table = argument;
        return true;
    case OPTION_PATH:
        out->path = argument;
        return true;
    case OPTION_YES:
        out->yes = true;
        return true;
    case OPTION_SEQ:
        out->numbering = LEASELOCK_NUMBERING_SEQUENCE;
        return true;
    case OPTION_TIME:
        out->numbering = LEASELOCK_NUMBERING_TIME;
        return true;
    case OPTION_UNIX:
        out->numbering = LEASELOCK_NUMBERING_UNIX;
        return true;
    case OPTION_DIGITS:
        return take_digits(argument, &out->digits);
    case OPTION_EXT:
        out->extension = argument;
        return true;
    default:
        return false; /* getopt_long() has complained */
    }
}

static bool take(int code, char *argument, const struct command *command, struct options *out)
{
    switch (code) {
    case OPTION_DB:
        out->db = hide_password(argument);
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
    case OPTION_NO_INSTALL:
        out->no_install = true;
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
        return take_of_migrations(code, argument, out);
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

/* What a sub-command has no use for would be ignored otherwise. */
static bool check_part(const struct command *command, const struct options *options)
{
    if (!options->part) {
        complain("which command of leaselock %s?", command->name);
        return false;
    }
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        if (options->given >> i & 1 && known[i].accept & ~options->part->accepts) {
            complain("leaselock %s %s has no --%s", command->name, options->part->name, known[i].option.name);
            return false;
        }
    return true;
}

static bool check_operands(const struct command *command, const struct options *options)
{
    if (command->parts && !check_part(command, options))
        return false;
    if (command->parts)
        command = options->part;
    if (options->operand_count < command->operands_min)
        complain("an operand is missing");
    else if (command->runs_program && !options->program[0])
        complain("the command is missing; it follows \"--\"");
    else
        return true;
    return false;
}

static int wrong_usage(const struct command *command, const struct command *part)
{
    if (part)
        complain("usage: leaselock %s %s %s; see leaselock help %s", command->name, part->name, part->synopsis,
                 command->name);
    else
        complain("usage: leaselock %s %s; see leaselock help %s", command->name, command->synopsis, command->name);
    return EXIT_USAGE;
}

/* -1 is a version or a number of steps to a command that takes such, and never an option. */
static bool is_negative_number(const struct command *command, const char *text)
{
    return command->parts && text[0] == '-' && text[1] && text[1 + strspn(text + 1, "0123456789")] == '\0';
}

static int next_option(int argc, char **argv, const struct command *command, const struct option *accepted,
                       unsigned *given)
{
    if (optind < argc && is_negative_number(command, argv[optind])) {
        optarg = argv[optind++];
        return OPERAND;
    }
    int code = getopt_long(argc, argv, command->accepts & ACCEPT_YES ? "-hf" : "-h", accepted, NULL);
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        if (known[i].option.val == code)
            *given |= 1u << i;
    return code;
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
    for (int code; (code = next_option(argc, argv, command, accepted, &out->given)) != -1;) {
        if (code == OPTION_HELP || code == 'h')
            return help_print(command);
        if (!take(code, optarg, command, out))
            return wrong_usage(command, out->part);
    }
    if (!take_rest(argc, argv, command, out) || !check_operands(command, out))
        return wrong_usage(command, out->part);
    return OPTIONS_GO_ON;
}
