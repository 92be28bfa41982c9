/* Progress of migrations, told to a function of Lua. */
#include "support.h"

ll_progress ll_script_progress_new(lua_State *L, int index, const ll_kind *kind, ll_script_progress *script)
{
    if (!lua_isfunction(L, index))
        return NULL;
    lua_pushvalue(L, index);
    script->L = L;
    script->function = lua_gettop(L);
    script->result = ll_handle_push(L, kind);
    return script;
}

bool ll_progress_call(ll_progress progress, const leaselock_migration_result *so_far)
{
    lua_State *L = progress->L;
    lua_pushvalue(L, progress->function);
    lua_pushvalue(L, progress->function + 1);
    *progress->result = (void *)so_far;
    bool done = lua_pcall(L, 1, 0, 0) == 0;
    *progress->result = NULL; /* borrowed: the garbage collector must not find it */
    return done;
}
