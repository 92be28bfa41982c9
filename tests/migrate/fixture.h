/* Migrations of a test: a folder with files in it, a database beside it. */
#ifndef MIGRATE_FIXTURE_H
#define MIGRATE_FIXTURE_H

#include "migrate/runs.h"
#include "sqlite/database.h"

/* folder/migrations/NAME with that text; the directory is made. */
void migration_file(const char *name, const char *text);
const char *migrations_directory(void);

/* The test's database with that directory; options are part of the URL, such as "?_fk=1". Waits 1 ms for others. */
leaselock_migrations *open_directory(const char *url_options);
/* The same for tests in which others use the database at the same time. */
leaselock_migrations *open_patiently(void);
/* Rows of a query, columns joined by "|", rows by ";". The last four answers stay valid. */
const char *database_text(const char *sql);
#endif
