/* Migrations of a test on PostgreSQL: each test has a database of its own. */
#ifndef POSTGRESQL_MIGRATIONS_H
#define POSTGRESQL_MIGRATIONS_H

#include "migrate/runs.h"
#include "postgresql/database.h"

int migrations_setup(void **state);
int migrations_teardown(void **state);
#define IN_DATABASE(name) cmocka_unit_test_setup_teardown(name, migrations_setup, migrations_teardown)

/* Its URL, with these options ("?x-…") or none; the last four answers stay valid. */
const char *own_url(const char *options);
/* The same for another role (no password), or by TCP through another port. */
const char *own_url_as(const char *role, const char *options);
const char *own_database(void);
/* A superuser's session in it. */
extern PGconn *here;
PGconn *own_session(void);

/* Rows of a query on `here`: columns joined by "|", rows by ";". The last four answers stay valid. */
const char *rows(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The list of migrations that open_list() hands over; a name that is there already gets another body. */
void migration(const char *name, const char *body);
void no_migrations(void);
leaselock_migrations *open_list(const char *options);
leaselock_migrations *open_list_at(const char *url, const leaselock_migrations_options *options);
leaselock_status try_open(const char *url, const leaselock_migrations_options *options, leaselock_migrations **out);
/* Waits for others for a millisecond, or patiently. */
extern const leaselock_migrations_options at_once, patiently;

/* Up, or one of the others, has to fail like that, with this in the message. */
void assert_up_fails(leaselock_migrations *migrations, leaselock_status status, const char *message);

/* Nobody but `here` has anything of advisory locks; nothing of ours is in a transaction. */
void assert_nothing_left(void);

#endif
