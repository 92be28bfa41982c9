/* Secrets that are a function of Lua: asked with a name, it gives a string, or nil where there is no such secret. */
#include <string.h>

#include "support.h"

enum { FUNCTION, BAD_ANSWER };

/* The answer is on top. */
static leaselock_status take_answer(lua_State *L, char *value, size_t size)
{
    const char *text;
    if (lua_isnil(L, -1))
        return LEASELOCK_SECRET;
    if (!ll_to_text(L, -1, &text) || strlen(text) >= size)
        return LEASELOCK_CALLBACK;
    memcpy(value, text, strlen(text) + 1);
    return LEASELOCK_OK;
}

static leaselock_status script_get(void *payload, const char *name, char *value, size_t size)
{
    const ll_script_secrets *script = payload;
    lua_State *L = script->L;
    lua_pushvalue(L, script->base + FUNCTION);
    lua_pushstring(L, name);
    if (lua_pcall(L, 1, 1, 0) != 0)
        return LEASELOCK_CALLBACK;
    leaselock_status status = take_answer(L, value, size);
    lua_pop(L, 1);
    if (status == LEASELOCK_CALLBACK)
        lua_pushvalue(L, script->base + BAD_ANSWER);
    return status;
}

leaselock_secrets *ll_script_secrets_new(lua_State *L, int index, const ll_kind *kind, ll_script_secrets *script)
{
    if (!lua_isfunction(L, index))
        return NULL;
    script->L = L;
    script->base = lua_gettop(L) + 1;
    lua_pushvalue(L, index);
    lua_pushfstring(L, "the function of secrets has to give a string without NUL, of at most %d bytes, or nil",
                    LEASELOCK_SECRET_MAX);
    /* The handle is for the garbage collector alone: after the call nobody asks the function again. */
    leaselock_secrets **secrets = (leaselock_secrets **)ll_handle_push(L, kind);
    leaselock_secrets_slots slots = {sizeof slots, script, script_get, NULL};
    if (leaselock_secrets_new_custom(&slots, secrets) != LEASELOCK_OK)
        luaL_error(L, "not enough memory");
    return *secrets;
}
