/* The options and operands of a command. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "leaselock/migrations.h"

struct command;

enum {
    ACCEPT_DB = 1 << 0,
    ACCEPT_JSON = 1 << 1,
    ACCEPT_CLIENT = 1 << 2,
    ACCEPT_TTL = 1 << 3,
    ACCEPT_WAIT = 1 << 4,
    ACCEPT_GRACE = 1 << 5,
    ACCEPT_ALL = 1 << 6,
    ACCEPT_LEASE = 1 << 7,      /* the parts of a lease, one by one */
    ACCEPT_MIGRATIONS = 1 << 8, /* the database of migrations */
    ACCEPT_PATH = 1 << 9,       /* where the files are: --path, --config */
    ACCEPT_YES = 1 << 10,
    ACCEPT_NUMBERING = 1 << 11, /* of new files */
    ACCEPT_INSTALL = 1 << 12    /* whether to install the tables of leases */
};

enum waiting { WAIT_BY_BACKOFF, WAIT_NOT, WAIT_FOR };

enum { OPERANDS_MAX = 1 };

struct options {
    const char *db;
    const char *client;
    int64_t ttl_ms; /* 0: the default */
    enum waiting waiting;
    int64_t wait_ms; /* for WAIT_FOR; may be LEASELOCK_FOREVER */
    int64_t grace_ms;
    bool json, all, no_install;
    const char *resource, *acquisition; /* ACCEPT_LEASE */
    int64_t sequence;
    const char *operands[OPERANDS_MAX];
    int operand_count;
    char **program; /* what follows "--"; NULL-terminated */
    const struct command *part;           /* the sub-command */
    const char *path, *config;            /* ACCEPT_PATH */
    const char *secrets, *table;          /* ACCEPT_MIGRATIONS */
    bool yes;
    leaselock_numbering numbering; /* ACCEPT_NUMBERING */
    int64_t digits;                /* 0: the default */
    const char *extension;
    unsigned given; /* a bit for each option that stands in the line */
};

/* OPTIONS_GO_ON, or the exit code to end with: the help was printed, or the usage is wrong. */
enum { OPTIONS_GO_ON = -1 };
int options_parse(const struct command *command, int argc, char **argv, struct options *out);

/* A number without sign or anything else around it. */
bool options_read_number(const char *text, int64_t *out);

#endif
