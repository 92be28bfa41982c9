/* Migrations of a test: a folder with files in it, a database beside it. */
#ifndef MIGRATE_FIXTURE_H
#define MIGRATE_FIXTURE_H

#include "sqlite/database.h"

/* folder/migrations/NAME with that text; the directory is made. */
void migration_file(const char *name, const char *text);
const char *migrations_directory(void);

/* The test's database with that directory; options are part of the URL, such as "?_fk=1". Waits 1 ms for others. */
leaselock_migrations *open_directory(const char *url_options);
/* The same for tests in which others use the database at the same time. */
leaselock_migrations *open_patiently(void);
/* Close and free. */
void end_migrations(leaselock_migrations *migrations);

/* A run whose result is checked and freed. */
void assert_run(leaselock_status status, leaselock_migration_result *result, leaselock_migration_kind kind, int64_t to);
#define assert_up(migrations, kind, to) assert_goes(leaselock_migrations_up, (migrations), (kind), (to))
#define assert_down(migrations, kind, to) assert_goes(leaselock_migrations_down, (migrations), (kind), (to))
void assert_goes(leaselock_status (*go)(leaselock_migrations *, leaselock_migration_result **),
                 leaselock_migrations *migrations, leaselock_migration_kind kind, int64_t to);
void assert_version(leaselock_migrations *migrations, int64_t version, bool dirty);

/* Rows of a query, columns joined by "|", rows by ";". The last four answers stay valid. */
const char *database_text(const char *sql);
/* The message of the last failure has `part` in it. */
void assert_message(const char *part);

#endif
