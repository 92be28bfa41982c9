# <build>/lua/<5.1|5.3|5.4>: leaselock.lua and leaselock/core.so, for LUA_PATH and LUA_CPATH. LuaJIT loads 5.1's.
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)

# A rock is built for one Lua and says where that has its headers and takes its modules.
set(LEASELOCK_LUA_INCLUDE "" CACHE PATH "Headers of the one Lua to build for; empty: 5.1, 5.3 and 5.4 by pkg-config")
set(LEASELOCK_LUA_MODULES "" CACHE PATH "Where leaselock/core.so is installed; empty: <prefix>/<lib>/lua/<version>")
set(LEASELOCK_LUA_SCRIPTS "" CACHE PATH "Where leaselock.lua is installed; empty: <prefix>/share/lua/<version>")

set(lua_wrapper ${CMAKE_CURRENT_BINARY_DIR}/leaselock_lua.c)
set(lua_layer ${PROJECT_SOURCE_DIR}/bindings/lua/leaselock.lua)

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

set(versions 5.1 5.3 5.4)
if(LEASELOCK_LUA_INCLUDE)
  file(STRINGS ${LEASELOCK_LUA_INCLUDE}/lua.h number REGEX "define[ \t]+LUA_VERSION_NUM")
  string(REGEX REPLACE ".*([0-9])0([0-9]).*" "\\1.\\2" versions "${number}")
endif()

foreach(version IN LISTS versions)
  string(REPLACE "." "" digits ${version})
  set(target leaselock_lua${digits})
  set(folder ${PROJECT_BINARY_DIR}/lua/${version})
  set(module_dir ${CMAKE_INSTALL_LIBDIR}/lua/${version})
  file(RELATIVE_PATH to_library /prefix/${module_dir}/leaselock /prefix/${CMAKE_INSTALL_LIBDIR})
  set(script_dir ${CMAKE_INSTALL_DATADIR}/lua/${version})
  if(LEASELOCK_LUA_MODULES)
    set(module_dir ${LEASELOCK_LUA_MODULES})
    set(script_dir ${LEASELOCK_LUA_SCRIPTS})
  endif()
  set(headers ${LEASELOCK_LUA_INCLUDE})
  if(NOT headers)
    pkg_check_modules(LUA${digits} REQUIRED lua${version})
    set(headers ${LUA${digits}_INCLUDE_DIRS})
  endif()

  # Written by hand, so with our warnings.
  add_library(${target}_support OBJECT lua/handle.c lua/progress.c lua/secrets.c lua/value.c lua/wait.c)
  target_include_directories(${target}_support SYSTEM PRIVATE ${headers})
  target_link_libraries(${target}_support PRIVATE leaselock_for_modules leaselock_warnings)

  # Lua's headers alone: the interpreter that loads the module brings the functions.
  add_library(${target} MODULE ${lua_wrapper} $<TARGET_OBJECTS:${target}_support>)
  add_dependencies(${target} leaselock_lua_wrapper)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${headers})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE SWIG_TYPE_TABLE=leaselock) # explicit_bzero
  target_link_libraries(${target} PRIVATE leaselock_for_modules)
  # nodelete: lua_close() unloads modules, and a keeper may still be on its way out.
  target_link_options(${target} PRIVATE -Wl,-z,nodelete)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME core LIBRARY_OUTPUT_DIRECTORY ${folder}/leaselock
                        INSTALL_RPATH "$ORIGIN/${to_library}")

  # A link, so that an edit needs no build.
  file(MAKE_DIRECTORY ${folder})
  file(CREATE_LINK ${lua_layer} ${folder}/leaselock.lua SYMBOLIC)

  install(TARGETS ${target} LIBRARY DESTINATION ${module_dir}/leaselock COMPONENT lua)
  install(FILES ${lua_layer} DESTINATION ${script_dir} COMPONENT lua)
endforeach()
