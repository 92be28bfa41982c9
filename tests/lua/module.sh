#!/bin/sh
# module.sh MODULE…: each exports its entry alone, needs no liblua, and stays in memory when Lua unloads it.
failed=0
check() { # MODULE WHAT FOUND EXPECTED
    [ "$3" = "$4" ] || { failed=1; echo "$1: $2: $3"; }
}
for module in "$@"; do
    check "$module" "exports" "$(nm -D --defined-only "$module" | sed 's/.* //')" luaopen_leaselock_core
    check "$module" "needs" "$(readelf -d "$module" | grep NEEDED | grep -c 'liblua')" 0
    check "$module" "flags" "$(readelf -d "$module" | grep -c NODELETE)" 1
done
exit $failed
