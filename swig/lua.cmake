# <build>/lua/<5.1|5.3|5.4>: leaselock.lua and leaselock/core.so, for LUA_PATH and LUA_CPATH. LuaJIT loads 5.1's.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LUA51 REQUIRED lua5.1)
pkg_check_modules(LUA53 REQUIRED lua5.3)
pkg_check_modules(LUA54 REQUIRED lua5.4)

set(lua_wrapper ${CMAKE_CURRENT_BINARY_DIR}/leaselock_lua.c)

# What SWIG writes is the same for every Lua.
add_custom_command(
  OUTPUT ${lua_wrapper}
  COMMAND ${SWIG_EXECUTABLE} -lua -nomoduleglobal -module leaselock_core -Wall -MMD -MF ${lua_wrapper}.d
          -I${PROJECT_SOURCE_DIR}/libleaselock/include -o ${lua_wrapper} ${CMAKE_CURRENT_SOURCE_DIR}/leaselock.i
  MAIN_DEPENDENCY leaselock.i
  DEPFILE ${lua_wrapper}.d
  COMMENT "Wrapping for Lua"
  VERBATIM)
add_custom_target(leaselock_lua_wrapper DEPENDS ${lua_wrapper})

foreach(version 5.1 5.3 5.4)
  string(REPLACE "." "" digits ${version})
  set(lua_folder ${PROJECT_BINARY_DIR}/lua/${version})

  # By hand, so with our warnings.
  add_library(leaselock_lua${digits}_support OBJECT lua/handle.c lua/value.c lua/wait.c)
  target_include_directories(leaselock_lua${digits}_support SYSTEM PRIVATE ${LUA${digits}_INCLUDE_DIRS})
  target_link_libraries(leaselock_lua${digits}_support PRIVATE leaselock leaselock_warnings)

  # The headers alone: the interpreter that loads the module brings Lua's functions.
  add_library(leaselock_lua${digits} MODULE ${lua_wrapper} $<TARGET_OBJECTS:leaselock_lua${digits}_support>)
  add_dependencies(leaselock_lua${digits} leaselock_lua_wrapper)
  target_include_directories(leaselock_lua${digits} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${LUA${digits}_INCLUDE_DIRS})
  target_compile_definitions(leaselock_lua${digits} PRIVATE SWIG_TYPE_TABLE=leaselock)
  target_link_libraries(leaselock_lua${digits} PRIVATE leaselock)
  # nodelete: lua_close() unloads modules, and a keeper may still be on its way out.
  target_link_options(leaselock_lua${digits} PRIVATE -Wl,-z,nodelete)
  set_target_properties(leaselock_lua${digits} PROPERTIES PREFIX "" OUTPUT_NAME core
                        LIBRARY_OUTPUT_DIRECTORY ${lua_folder}/leaselock)

  # A link, so that an edit needs no build.
  file(MAKE_DIRECTORY ${lua_folder})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/bindings/lua/leaselock.lua ${lua_folder}/leaselock.lua SYMBOLIC)
endforeach()
