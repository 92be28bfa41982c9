rockspec_format = "3.0"
package = "leaselock"
version = "dev-1"
source = { url = "git+file://." } -- `luarocks make` builds the tree it stands in
description = {
    summary = "Leases with fencing tokens on named resources, kept in the database you already run",
    license = "MIT",
}
dependencies = { "lua >= 5.1" }
external_dependencies = { SQLITE = { header = "sqlite3.h" } }
build = {
    type = "cmake",
    variables = {
        CMAKE_BUILD_TYPE = "Release",
        LEASELOCK_EMBED = "ON",
        LEASELOCK_PYTHON = "OFF",
        LEASELOCK_CLI = "OFF",
        LEASELOCK_TESTS = "OFF",
        LEASELOCK_BENCHMARKS = "OFF",
        LEASELOCK_INSTALL = "OFF",
        LEASELOCK_LUA_INCLUDE = "$(LUA_INCDIR)",
        LEASELOCK_LUA_MODULES = "$(LIBDIR)",
        LEASELOCK_LUA_SCRIPTS = "$(LUADIR)",
    },
}
