/* Tests of the runner's rules, which are the same on every database: linked with what each of them has to offer. */
#ifndef MIGRATE_ANYWHERE_H
#define MIGRATE_ANYWHERE_H

#include "migrate/runs.h"

/* An empty database before the test, and no trace of it afterwards. */
int anywhere_setup(void **state);
int anywhere_teardown(void **state);
#define ANYWHERE(name) cmocka_unit_test_setup_teardown(name, anywhere_setup, anywhere_teardown)
/* Empties it in the midst of a test, when nothing is open. */
void anywhere_empty(void);

const char *anywhere_url(void);
void anywhere_run(const char *sql);
/* Rows of a query, columns joined by "|", rows by ";". Valid until the fourth call after it. */
const char *anywhere_text(const char *sql);

/* How many random directories are worth their time. */
extern const unsigned anywhere_rounds;

/* The table ran, with a column `what`; and what was inserted there, in order. */
void anywhere_make_ran(void);
const char *anywhere_ran(const char *separator);

#endif
