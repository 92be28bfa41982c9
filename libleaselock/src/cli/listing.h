/* Leases as ls and show print them. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "cli/json.h"
#include "cli/options.h"
#include "leaselock/lock.h"

/* Opens the database and reads. The exit code. */
int listing_fetch(const struct options *options, const leaselock_list_options *wanted, leaselock_listing **out);

void listing_print_json(const leaselock_listing *listing, size_t index, struct json *json);

/* A line a lease, separated by tabs. */
void listing_print_lines(const leaselock_listing *listing);

/* Aligned below headings, for people. */
void listing_print_table(const leaselock_listing *listing);

/* A line a field, "name: value". */
void listing_print_fields(const leaselock_listing *listing, size_t index);

#endif
