#include "cli/token.h"

#include <stdio.h>
#include <string.h>

#include "cli/database.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/percent.h"

enum { TOKEN_MAX = 2048 }; /* two ids of 255 bytes, all of them coded, and the rest */

enum { FIELD_RESOURCE, FIELD_CLIENT, FIELD_SEQUENCE, FIELD_ACQUISITION, FIELD_EXPIRY, FIELD_COUNT };

static void write_token(const leaselock_lease *lease, char token[TOKEN_MAX])
{
    char *to = token;
    to += percent_encode(leaselock_lease_resource(lease), to);
    *to++ = ',';
    to += percent_encode(leaselock_lease_client(lease), to);
    to += sprintf(to, ",%lld,%s,", (long long)leaselock_lease_sequence(lease), leaselock_lease_acquisition(lease));
    output_utc(leaselock_lease_expiry(lease), to);
}

void token_print(const leaselock_lease *lease, const struct options *options)
{
    char token[TOKEN_MAX];
    write_token(lease, token);
    if (!options->json) {
        puts(token);
        return;
    }
    struct json json = {0};
    json_open(&json, NULL, '{');
    json_text(&json, "lease", token);
    json_text(&json, "resource", leaselock_lease_resource(lease));
    json_text(&json, "client", leaselock_lease_client(lease));
    json_number(&json, "sequence", leaselock_lease_sequence(lease));
    json_text(&json, "acquisition", leaselock_lease_acquisition(lease));
    json_seconds(&json, "ttl", leaselock_lease_ttl(lease));
    json_utc(&json, "expiry", leaselock_lease_expiry(lease));
    json_close(&json, '}');
    json_end();
}

/* Splits the token in place. The expiry is for people and not looked at. */
static bool read_token(char *token, struct options *named)
{
    char *fields[FIELD_COUNT];
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        fields[i] = strsep(&token, ",");
        if (!fields[i] || !percent_decode(fields[i]))
            return false;
    }
    named->resource = fields[FIELD_RESOURCE];
    named->client = fields[FIELD_CLIENT];
    named->acquisition = fields[FIELD_ACQUISITION];
    return !token && options_read_number(fields[FIELD_SEQUENCE], &named->sequence);
}

/* The operand, or the first line of standard input. */
static bool fetch_token(const char *operand, char token[TOKEN_MAX])
{
    if (strcmp(operand, "-") == 0) {
        if (!fgets(token, TOKEN_MAX, stdin))
            return false;
        token[strcspn(token, "\n")] = '\0';
        return true;
    }
    return (size_t)snprintf(token, TOKEN_MAX, "%s", operand) < TOKEN_MAX;
}

/* Fills in the parts of the lease, if they were not given one by one; `token` is the memory for them. */
static bool name_lease(struct options *named, char token[TOKEN_MAX])
{
    bool some = named->resource || named->client || named->sequence || named->acquisition;
    bool all = named->resource && named->client && named->sequence && named->acquisition;
    if (some == (named->operand_count > 0))
        complain("a lease is named by LEASE, or by its parts");
    else if (some && !all)
        complain("the parts of a lease are --resource, --client, --sequence and --acquisition, all four");
    else if (!some && !(fetch_token(named->operands[0], token) && read_token(token, named)))
        complain("that is no lease as obtain prints it");
    else
        return true;
    return false;
}

int token_open(const struct options *options, leaselock_lock **lock, leaselock_lease **lease)
{
    struct options named = *options;
    char token[TOKEN_MAX];
    if (!name_lease(&named, token))
        return EXIT_USAGE;
    int code = database_open(options, lock);
    if (code == 0 && leaselock_lock_resume(*lock, named.resource, named.client, named.sequence, named.acquisition,
                                           lease) != LEASELOCK_OK)
        code = exit_with_failure();
    return code;
}
