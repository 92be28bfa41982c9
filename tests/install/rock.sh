# rock.sh SOURCE: `luarocks make` builds the rock for each Lua, and it works after the source is gone.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
(cd "$source" && git ls-files -z | xargs -0 cp --parents -t "$work/tree")

for version in 5.1 5.3 5.4; do
    (cd "$work/tree" && rm -rf build.luarocks &&
        luarocks --lua-version=$version --tree="$work/$version" make leaselock-dev-1.rockspec >"$work/log" 2>&1) ||
        { cat "$work/log"; exit 1; }
done
rm -rf "$work/tree"

passed=0
for version in 5.1 5.3 5.4; do
    LUA_PATH="$work/$version/share/lua/$version/?.lua" LUA_CPATH="$work/$version/lib/lua/$version/?.so" \
        lua$version - "sqlite:$work/leases.db" <<'LUA'
local locks = assert(require("leaselock").open(arg[1]))
assert(assert(locks:obtain_with_no_wait("rock", _VERSION)):release())
LUA
    passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
