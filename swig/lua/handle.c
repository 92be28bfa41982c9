/* Handles: userdata that hold one pointer each. SWIG's own trust any userdata they are given. */
#include "support.h"

static void push_metatable(lua_State *L, const ll_kind *kind)
{
    lua_pushlightuserdata(L, (void *)kind);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* The handle's place, or NULL. */
static void **place_at(lua_State *L, int index, const ll_kind *kind)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    push_metatable(L, kind);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? lua_touserdata(L, index) : NULL;
}

/* May be called by hand, by any value and more than once. */
static int collect(lua_State *L)
{
    const ll_kind *kind = lua_touserdata(L, lua_upvalueindex(1));
    void **place = place_at(L, 1, kind);
    if (place && *place) {
        void *pointer = *place;
        *place = NULL;
        kind->free(pointer);
    }
    return 0;
}

void ll_kind_register(lua_State *L, const ll_kind *kind)
{
    lua_newtable(L);
    lua_pushfstring(L, "leaselock.%s", kind->name);
    lua_setfield(L, -2, "__name");
    lua_newtable(L);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, (void *)kind);
    lua_pushcclosure(L, collect, 1);
    lua_setfield(L, -2, "__gc");
    lua_pushlightuserdata(L, (void *)kind);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_setfield(L, -2, kind->name);
}

void **ll_handle_push(lua_State *L, const ll_kind *kind)
{
    void **place = lua_newuserdata(L, sizeof *place);
    *place = NULL;
    push_metatable(L, kind);
    lua_setmetatable(L, -2);
    return place;
}

void *ll_handle_at(lua_State *L, int index, const ll_kind *kind)
{
    void **place = place_at(L, index, kind);
    return place ? *place : NULL;
}

/* The one value of a userdata that the garbage collector looks at; in 5.1 it is a table, and never absent. */
#if LUA_VERSION_NUM < 502
#define lua_setuservalue lua_setfenv
#define lua_getuservalue lua_getfenv
#endif
static const char kept_key;

int ll_handle_keep(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TUSERDATA);
    lua_settop(L, 2);
    lua_newtable(L);
    lua_insert(L, 2);
    lua_pushlightuserdata(L, (void *)&kept_key);
    lua_insert(L, 3);
    lua_rawset(L, 2);
    lua_setuservalue(L, 1);
    return 0;
}

int ll_handle_kept(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TUSERDATA)
        return 0;
    lua_getuservalue(L, 1);
    if (!lua_istable(L, -1))
        return 0;
    lua_pushlightuserdata(L, (void *)&kept_key);
    lua_rawget(L, -2);
    return 1;
}
