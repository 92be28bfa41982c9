#include "cli/listing.h"

#include <stdio.h>
#include <string.h>

#include "cli/database.h"
#include "cli/exit.h"
#include "cli/output.h"

enum { RESOURCE, CLIENT, SEQUENCE, STATE, TTL, REMAINING, EXPIRY, COLUMNS };
enum { CELL_SIZE = 4 * LEASELOCK_ID_MAX + 1 };

static const char *const names[COLUMNS] = {"resource", "client", "sequence", "state", "ttl", "remaining", "expiry"};
static const char *const headings[COLUMNS] = {"RESOURCE", "CLIENT", "SEQUENCE", "STATE", "TTL", "REMAINING", "EXPIRY"};

struct row {
    char cells[COLUMNS][CELL_SIZE];
};

int listing_fetch(const struct options *options, const leaselock_list_options *wanted, leaselock_listing **out)
{
    leaselock_lock *lock = NULL;
    int code = database_open(options, &lock);
    if (code == 0 && leaselock_lock_list(lock, wanted, out) != LEASELOCK_OK)
        code = exit_with_failure();
    database_close(lock, NULL);
    return code;
}

void listing_print_json(const leaselock_listing *listing, size_t index, struct json *json)
{
    json_open(json, NULL, '{');
    json_text(json, names[RESOURCE], leaselock_listing_resource(listing, index));
    json_text(json, names[CLIENT], leaselock_listing_client(listing, index));
    json_number(json, names[SEQUENCE], leaselock_listing_sequence(listing, index));
    json_text(json, names[STATE], leaselock_state_name(leaselock_listing_state(listing, index)));
    json_seconds(json, names[TTL], leaselock_listing_ttl(listing, index));
    json_seconds(json, names[REMAINING], leaselock_listing_remaining(listing, index));
    json_utc(json, names[EXPIRY], leaselock_listing_expiry(listing, index));
    json_close(json, '}');
}

static void fill(const leaselock_listing *listing, size_t index, void (*write_time)(int64_t, char *), struct row *row)
{
    output_escape(leaselock_listing_resource(listing, index), row->cells[RESOURCE]);
    output_escape(leaselock_listing_client(listing, index), row->cells[CLIENT]);
    snprintf(row->cells[SEQUENCE], CELL_SIZE, "%lld", (long long)leaselock_listing_sequence(listing, index));
    snprintf(row->cells[STATE], CELL_SIZE, "%s", leaselock_state_name(leaselock_listing_state(listing, index)));
    write_time(leaselock_listing_ttl(listing, index), row->cells[TTL]);
    write_time(leaselock_listing_remaining(listing, index), row->cells[REMAINING]);
    output_utc(leaselock_listing_expiry(listing, index), row->cells[EXPIRY]);
}

void listing_print_lines(const leaselock_listing *listing)
{
    struct row row;
    for (size_t i = 0; i < leaselock_listing_count(listing); i++) {
        fill(listing, i, output_seconds, &row);
        for (size_t column = 0; column < COLUMNS; column++)
            printf("%s%c", row.cells[column], column + 1 < COLUMNS ? '\t' : '\n');
    }
}

void listing_print_fields(const leaselock_listing *listing, size_t index)
{
    struct row row;
    fill(listing, index, output_seconds, &row);
    for (size_t column = 0; column < COLUMNS; column++)
        printf("%s: %s\n", names[column], row.cells[column]);
}

static void print_row(const char *const cells[COLUMNS], const int widths[COLUMNS])
{
    enum { GAP = 2 };
    for (size_t column = 0; column < COLUMNS; column++) {
        bool last = column + 1 == COLUMNS;
        printf("%s%*s", cells[column], last ? 0 : widths[column] - output_width(cells[column]) + GAP, "");
    }
    putchar('\n');
}

void listing_print_table(const leaselock_listing *listing)
{
    struct row row;
    const char *cells[COLUMNS];
    int widths[COLUMNS];
    size_t count = leaselock_listing_count(listing);
    for (size_t column = 0; column < COLUMNS; column++) {
        cells[column] = row.cells[column];
        widths[column] = (int)strlen(headings[column]);
    }
    for (size_t i = 0; i < count; i++) {
        fill(listing, i, output_span, &row);
        for (size_t column = 0; column < COLUMNS; column++) {
            int width = output_width(cells[column]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    print_row(headings, widths);
    for (size_t i = 0; i < count; i++) {
        fill(listing, i, output_span, &row);
        print_row(cells, widths);
    }
}
