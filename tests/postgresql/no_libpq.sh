#!/bin/sh
# no_libpq.sh LEASELOCK LIBRARY: without libpq a postgresql: URL is one clear error, and all else works.
set -eu
leaselock=$1
library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if readelf -d "$library" | grep -q 'NEEDED.*libpq'; then
    echo "the library needs libpq to load" >&2
    exit 1
fi
: >"$folder/libpq.so.5" # what the loader finds first is none
LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
"$leaselock" obtain --db "sqlite:$folder/leases.db" r >/dev/null
if "$leaselock" ls --db postgresql://localhost/x 2>"$folder/message"; then
    echo "opened without libpq" >&2
    exit 1
fi
cat "$folder/message"
grep -q 'libpq5' "$folder/message"
