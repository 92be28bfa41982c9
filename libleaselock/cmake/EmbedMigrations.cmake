# Turns src/engines/<engine>/migrations/NNNNNN_name.{up,down}.sql into one C array, ll_<engine>_schema.

function(leaselock_sql_literal file out)
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
  set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

function(leaselock_embed_migrations engine output)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/src/engines/${engine}/migrations)
  file(GLOB ups CONFIGURE_DEPENDS ${folder}/*.up.sql)
  list(SORT ups)
  set(steps "")
  foreach(up IN LISTS ups)
    string(REGEX MATCH "/([0-9]+)_([^/]*)\\.up\\.sql$" matched ${up})
    set(name ${CMAKE_MATCH_2}) # first: the next match overwrites it
    string(REGEX REPLACE "^0+" "" version ${CMAKE_MATCH_1})
    string(REPLACE ".up.sql" ".down.sql" down ${up})
    leaselock_sql_literal(${up} up_sql)
    leaselock_sql_literal(${down} down_sql)
    string(APPEND steps "    {${version}, \"${name}\",\n    ${up_sql},\n    ${down_sql}},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${up} ${down})
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT "/* Generated from src/engines/${engine}/migrations. */
#include \"engines/${engine}/schema.h\"

const leaselock_schema_step ll_${engine}_schema[] = {
${steps}    {0}};
")
endfunction()
