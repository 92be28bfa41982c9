find_package(SQLite3 3.37 REQUIRED)
include(${CMAKE_CURRENT_SOURCE_DIR}/cmake/EmbedMigrations.cmake)
leaselock_embed_migrations(sqlite ${generated}/sqlite_schema.c)

target_sources(leaselock_objects PRIVATE
  ${generated}/sqlite_schema.c
  src/engines/sqlite/busy.c
  src/engines/sqlite/checkpoint.c
  src/engines/sqlite/connect.c
  src/engines/sqlite/engine.c
  src/engines/sqlite/file.c
  src/engines/sqlite/holder.c
  src/engines/sqlite/list.c
  src/engines/sqlite/migrate.c
  src/engines/sqlite/migrate_borrow.c
  src/engines/sqlite/migrate_drop.c
  src/engines/sqlite/migrate_open.c
  src/engines/sqlite/migrate_run.c
  src/engines/sqlite/obtain.c
  src/engines/sqlite/recover.c
  src/engines/sqlite/renew.c
  src/engines/sqlite/script.c
  src/engines/sqlite/sequence.c
  src/engines/sqlite/start.c
  src/engines/sqlite/statements.c
  src/engines/sqlite/status.c
)
# The system's own libsqlite3, dynamically: two copies of it in one process undo each other's locks.
target_link_libraries(leaselock_objects PUBLIC SQLite::SQLite3)
