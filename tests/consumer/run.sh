# run.sh CMAKE BUILD_TREE SOURCE: see CMakeLists.txt
set -eu
cmake=$1 build=$2 source=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

"$cmake" --install "$build" --prefix "$prefix" >"$work/install.log"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name leaselock.pc)")
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir leaselock)
export LD_LIBRARY_PATH

flags=$(pkg-config --cflags --libs leaselock)
# shellcheck disable=SC2086
{
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$source/project/main.c" -o "$work/by-pkg-config-c" $flags
    c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "$source/project/main.cpp" -o "$work/by-pkg-config-cpp" $flags
}
"$cmake" -S "$source/project" -B "$work/project" -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log"
"$cmake" --build "$work/project" >"$work/build.log" || { cat "$work/build.log"; exit 1; }

passed=0
for program in "$work/by-pkg-config-c" "$work/by-pkg-config-cpp" "$work/project/consumer_c" "$work/project/consumer_cpp"; do
    "$program" "sqlite:$work/leases.db" && passed=$((passed + 1))
done

# every file of the prefix is in the manifest, and uninstalling leaves none
"$cmake" -D MANIFESTS="$build" -P "$source/../../libleaselock/cmake/uninstall.cmake"
left=$(find "$prefix" -type f -o -type l)
[ -z "$left" ] && passed=$((passed + 1)) || echo "left behind: $left"
echo "$passed passed, $((5 - passed)) failed"
[ "$passed" -eq 5 ]
