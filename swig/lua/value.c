/* Values between Lua and C: strings, exact integers, seconds, and the reports of what failed. */
#include <math.h>
#include <string.h>

#include "support.h"

/* True for a function of leaselock.lua: a misuse is its caller's. */
static bool is_layer(const lua_Debug *frame)
{
    static const char layer[] = "leaselock.lua";
    size_t length = strlen(frame->source);
    return length >= sizeof layer - 1 && strcmp(frame->source + length - (sizeof layer - 1), layer) == 0;
}

/* Like luaL_where(), for the innermost line of the script. */
static void push_where(lua_State *L)
{
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && !is_layer(&frame)) {
            lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

/* What a value is, as well as it can be said in a word. */
static void push_kind(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER)
        lua_pushvalue(L, index);
    else if (lua_type(L, index) != LUA_TUSERDATA || !luaL_getmetafield(L, index, "__name"))
        lua_pushstring(L, luaL_typename(L, index));
    if (!lua_tostring(L, -1)) { /* a __name that is no string; a number becomes one in place */
        lua_pop(L, 1);
        lua_pushstring(L, luaL_typename(L, index));
    }
}

void ll_push_misuse(lua_State *L, const char *function, const char *name, const char *expected, int index)
{
    push_where(L);
    lua_pushfstring(L, "%s: %s: expected %s, got ", function, name, expected);
    push_kind(L, index);
    lua_concat(L, 3);
}

bool ll_to_text(lua_State *L, int index, const char **text)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    size_t length;
    *text = lua_tolstring(L, index, &length);
    return strlen(*text) == length;
}

#if LUA_VERSION_NUM >= 503

bool ll_to_int64(lua_State *L, int index, int64_t *number)
{
    int exact = 0;
    if (lua_type(L, index) == LUA_TNUMBER)
        *number = lua_tointegerx(L, index, &exact);
    return exact;
}

bool ll_push_int64(lua_State *L, int64_t number)
{
    lua_pushinteger(L, number);
    return true;
}

#else

/* Up to 2^53 every integer has a double of its own. */
static const int64_t exact_max = (int64_t)1 << 53;

bool ll_to_int64(lua_State *L, int index, int64_t *number)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        return false;
    double given = lua_tonumber(L, index);
    if (!(fabs(given) <= (double)exact_max) || given != floor(given))
        return false;
    *number = (int64_t)given;
    return true;
}

bool ll_push_int64(lua_State *L, int64_t number)
{
    if (number > exact_max || number < -exact_max)
        return false;
    lua_pushnumber(L, (lua_Number)number);
    return true;
}

#endif

/* 0 or more, perhaps endless; not NaN. */
static bool to_seconds(lua_State *L, int index, double *seconds)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        return false;
    *seconds = lua_tonumber(L, index);
    return *seconds >= 0;
}

static int64_t to_ms(double seconds)
{
    double ms = round(seconds * 1000);
    if (ms >= 0x1p63)
        return INT64_MAX;
    return ms < 1 && seconds > 0 ? 1 : (int64_t)ms;
}

bool ll_to_ttl(lua_State *L, int index, int64_t *ms)
{
    double seconds = 0;
    if (!lua_isnoneornil(L, index) && (!to_seconds(L, index, &seconds) || seconds == 0 || isinf(seconds)))
        return false;
    *ms = to_ms(seconds);
    return true;
}

bool ll_to_wait(lua_State *L, int index, int64_t *ms)
{
    double seconds;
    if (lua_isnoneornil(L, index)) {
        *ms = 0;
        return true;
    }
    if (!to_seconds(L, index, &seconds))
        return false;
    *ms = isinf(seconds) ? LEASELOCK_FOREVER : seconds == 0 ? 1 : to_ms(seconds);
    return true;
}

bool ll_to_timeout(lua_State *L, int index, int64_t *ms)
{
    double seconds = INFINITY;
    if (!lua_isnoneornil(L, index) && !to_seconds(L, index, &seconds))
        return false;
    *ms = isinf(seconds) ? LEASELOCK_FOREVER : to_ms(seconds);
    return true;
}

bool ll_to_delay(lua_State *L, int index, int64_t *ms)
{
    double seconds;
    if (!to_seconds(L, index, &seconds) || isinf(seconds))
        return false;
    *ms = to_ms(seconds);
    return true;
}

static void set_text(lua_State *L, const char *field, const char *text)
{
    if (text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

/* A field that does not apply, or has no exact number, is absent. */
static void push_details(lua_State *L, const leaselock_error *error)
{
    lua_newtable(L);
    set_text(L, "resource_id", error->resource);
    set_text(L, "holder", error->holder);
    set_text(L, "sqlstate", error->sqlstate);
    if (error->sequence != 0 && ll_push_int64(L, error->sequence))
        lua_setfield(L, -2, "sequence");
    if (error->code == LEASELOCK_BUSY) {
        lua_pushnumber(L, (lua_Number)error->remaining_ms / 1000);
        lua_setfield(L, -2, "remaining");
    }
    if (error->native_code != 0) {
        lua_pushinteger(L, error->native_code);
        lua_setfield(L, -2, "native_code");
    }
}

int ll_push_failure(lua_State *L)
{
    /* A copy: pushing may collect garbage, and a finalizer may use the library. */
    leaselock_error error = *leaselock_error_last();
    const char *name = leaselock_error_name(error.code);
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", name, error.message[0] ? error.message : leaselock_error_text(error.code));
    lua_pushstring(L, name);
    push_details(L, &error);
    return 4;
}
