# A user's own migrations. The rules that are the same everywhere are tested by what tests/migrate has for them.
add_library(test_postgresql_migrations STATIC migrations.c)
target_link_libraries(test_postgresql_migrations PUBLIC test_postgresql test_runs PRIVATE leaselock_warnings)

foreach(part engine model)
  set(source_${part} ${CMAKE_CURRENT_SOURCE_DIR}/../migrate/${part}.c)
endforeach()

foreach(part engine model bodies borrowed ends failures locks outside table urls)
  set(source migrate_${part}.c)
  if(source_${part})
    set(source ${source_${part}})
  endif()
  leaselock_test_program(postgresql_migrate_${part} ${source})
  target_link_libraries(postgresql_migrate_${part} PRIVATE test_postgresql_migrations)
  leaselock_add_postgresql_test(postgresql_migrate_${part} $<TARGET_FILE:postgresql_migrate_${part}>)
endforeach()

leaselock_test_program(postgresql_advisory advisory.c)
leaselock_add_test(postgresql_advisory postgresql_advisory)

leaselock_test_program(postgresql_migrate_pooler migrate_pooler.c)
target_link_libraries(postgresql_migrate_pooler PRIVATE test_postgresql test_runs)
leaselock_add_postgresql_test(postgresql_migrate_pooler ${CMAKE_CURRENT_SOURCE_DIR}/pgbouncer.py
                              $<TARGET_FILE:postgresql_migrate_pooler>)
