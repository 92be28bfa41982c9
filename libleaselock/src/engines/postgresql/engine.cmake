# libpq's header only: the library itself is loaded when the first postgresql:// URL is opened (libpq.c).
include(${CMAKE_CURRENT_SOURCE_DIR}/cmake/EmbedMigrations.cmake)
leaselock_embed_migrations(postgresql ${generated}/postgresql_schema.c)

target_sources(leaselock_objects PRIVATE
  ${generated}/postgresql_schema.c
  src/engines/postgresql/advisory.c
  src/engines/postgresql/claims.c
  src/engines/postgresql/connect.c
  src/engines/postgresql/engine.c
  src/engines/postgresql/exchange.c
  src/engines/postgresql/floor.c
  src/engines/postgresql/install.c
  src/engines/postgresql/lexer.c
  src/engines/postgresql/libpq.c
  src/engines/postgresql/list.c
  src/engines/postgresql/message.c
  src/engines/postgresql/migrate.c
  src/engines/postgresql/migrate_drop.c
  src/engines/postgresql/migrate_fail.c
  src/engines/postgresql/migrate_lock.c
  src/engines/postgresql/migrate_open.c
  src/engines/postgresql/migrate_run.c
  src/engines/postgresql/migrate_url.c
  src/engines/postgresql/obtain.c
  src/engines/postgresql/outside.c
  src/engines/postgresql/renew.c
  src/engines/postgresql/script.c
  src/engines/postgresql/start.c
  src/engines/postgresql/statements.c
  src/engines/postgresql/status.c
  src/engines/postgresql/target.c
)
target_include_directories(leaselock_objects PRIVATE ${LEASELOCK_LIBPQ_INCLUDE})
target_link_libraries(leaselock_objects PUBLIC ${CMAKE_DL_LIBS})
