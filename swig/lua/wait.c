/* What runs in Lua while C waits: the interpreter's hooks, which is how Ctrl-C arrives, and backoffs written in Lua. */
#include "support.h"

/* Registry keys. */
static const char nothing_key, main_key;

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

void ll_waits_register(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&nothing_key);
    lua_pushcfunction(L, nothing);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, (void *)&main_key);
#if LUA_VERSION_NUM >= 502
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
#else
    if (!lua_pushthread(L)) { /* loaded by a coroutine: 5.1 does not tell which state is the main one */
        lua_pop(L, 1);
        lua_pushnil(L);
    }
#endif
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* NULL where it is not known. */
static lua_State *main_state(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&main_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_State *state = lua_tothread(L, -1);
    lua_pop(L, 1);
    return state;
}

/* A call of nothing is enough for the hooks of L to run. */
static bool call_nothing(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&nothing_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return lua_pcall(L, 0, 0, 0) == 0;
}

/*
 * lua.c's signal handler sets a hook on the main state, which raises "interrupted!" and takes itself away. A coroutine
 * of PUC Lua has hooks of its own, so it runs that one as the main state would have. In LuaJIT all states share one.
 */
static bool run_hooks(lua_State *L)
{
    lua_State *source = main_state(L);
    lua_Hook asked = source && source != L ? lua_gethook(source) : NULL;
    lua_Hook own = lua_gethook(L);
    if (!asked || asked == own)
        return call_nothing(L);
    int mask = lua_gethookmask(L), count = lua_gethookcount(L);
    lua_sethook(L, asked, lua_gethookmask(source), lua_gethookcount(source));
    bool ok = call_nothing(L);
    if (lua_gethook(L) != asked)
        lua_sethook(source, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L));
    lua_sethook(L, own, mask, count);
    return ok;
}

static int interrupt(void *payload)
{
    const ll_wait_call *call = payload;
    return lua_gettop(call->L) > call->top || !run_hooks(call->L);
}

void ll_wait_begin(lua_State *L, ll_wait_call *call)
{
    leaselock_interrupt_hook hook = {interrupt, call};
    call->L = L;
    call->top = lua_gettop(L);
    call->outer = leaselock_interrupt_hook_swap(hook);
}

bool ll_wait_end(ll_wait_call *call)
{
    leaselock_interrupt_hook_swap(call->outer);
    return lua_gettop(call->L) == call->top;
}

/* The stack slots of a backoff written in Lua, from its base. */
enum { OBJECT, START, NEXT, ATTEMPTS, MAX_ATTEMPTS, BAD_DELAY, BAD_COUNT };

/* Calls a method, which leaves one value, or else its error. */
static bool call_method(const ll_script_backoff *script, int method)
{
    lua_pushvalue(script->L, script->base + method);
    lua_pushvalue(script->L, script->base + OBJECT);
    return lua_pcall(script->L, 1, 1, 0) == 0;
}

/* The answer on top was taken, or else makes room for a message that was prepared for it. */
static leaselock_status end_method(const ll_script_backoff *script, bool taken, int message)
{
    lua_pop(script->L, 1);
    if (taken)
        return LEASELOCK_OK;
    lua_pushvalue(script->L, script->base + message);
    return LEASELOCK_CALLBACK;
}

static leaselock_status script_start(void *payload)
{
    return call_method(payload, START) ? end_method(payload, true, 0) : LEASELOCK_CALLBACK;
}

static leaselock_status script_next(void *payload, int64_t *delay_ms)
{
    const ll_script_backoff *script = payload;
    if (!call_method(script, NEXT))
        return LEASELOCK_CALLBACK;
    bool taken = true;
    if (lua_isnil(script->L, -1))
        *delay_ms = LEASELOCK_BACKOFF_END;
    else
        taken = ll_to_delay(script->L, -1, delay_ms);
    return end_method(script, taken, BAD_DELAY);
}

static leaselock_status script_count(const ll_script_backoff *script, int method, int64_t *count)
{
    if (!call_method(script, method))
        return LEASELOCK_CALLBACK;
    return end_method(script, ll_to_int64(script->L, -1, count), BAD_COUNT);
}

static leaselock_status script_attempts(void *payload, int64_t *count)
{
    return script_count(payload, ATTEMPTS, count);
}

static leaselock_status script_max_attempts(void *payload, int64_t *count)
{
    return script_count(payload, MAX_ATTEMPTS, count);
}

/* Pushes the object, its methods and the messages; false where a method is missing. */
static bool push_slots(lua_State *L, int index)
{
    static const char *const methods[] = {"start", "next", "attempts", "max_attempts"};
    lua_pushvalue(L, index);
    bool complete = true;
    for (int i = 0; i < 4; i++) {
        lua_getfield(L, index, methods[i]);
        complete = complete && !lua_isnil(L, -1);
    }
    lua_pushliteral(L, "the backoff's next has to give seconds, 0 or more and finite, or nil");
    lua_pushliteral(L, "the backoff's attempts and max_attempts have to give integers");
    return complete;
}

leaselock_backoff *ll_script_backoff_new(lua_State *L, int index, const ll_kind *kind, ll_script_backoff *script)
{
    if (!lua_istable(L, index) && !luaL_getmetafield(L, index, "__index"))
        return NULL;
    script->L = L;
    script->base = lua_gettop(L) + 1;
    if (!push_slots(L, index))
        return NULL;
    /* The handle is for the garbage collector alone: after the call nobody asks the backoff again. */
    leaselock_backoff **backoff = (leaselock_backoff **)ll_handle_push(L, kind);
    leaselock_backoff_slots slots = {sizeof slots,    script,          script_start, script_next,
                                     script_attempts, script_max_attempts, NULL};
    if (leaselock_backoff_new_custom(&slots, backoff) != LEASELOCK_OK)
        luaL_error(L, "not enough memory");
    return *backoff;
}
