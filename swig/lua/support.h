/*
 * What the generated Lua module stands on; the typemaps of handles_lua.i call it. Compiled once for each Lua.
 *
 * A Lua error is a longjmp. So nothing is allocated from Lua between a success of C and the moment its result is safe
 * in a handle, and whatever C calls back runs under lua_pcall: its error waits on the stack until C has returned.
 */
#ifndef LL_SWIG_LUA_SUPPORT_H
#define LL_SWIG_LUA_SUPPORT_H

#include <lauxlib.h>
#include <lua.h>

#include "leaselock.h"

/* A kind of handle. Its address is the registry key of its metatable. */
typedef struct ll_kind {
    const char *name;
    void (*free)(void *pointer);
} ll_kind;

/* Makes the metatable (locked; methods go to its __index) and puts it in the module's table, which is on top. */
void ll_kind_register(lua_State *L, const ll_kind *kind);

/* Pushes an empty handle. What C then writes to the place returned belongs to the garbage collector. */
void **ll_handle_push(lua_State *L, const ll_kind *kind);

/* NULL where there is no handle of this kind, or one that was collected; any value is safe. */
void *ll_handle_at(lua_State *L, int index, const ll_kind *kind);

/*
 * Functions of Lua: (handle, value) lets the handle keep a value, which is collected with it even where it refers to
 * the handle; (handle) answers that value, nil where there is none.
 */
int ll_handle_keep(lua_State *L);
int ll_handle_kept(lua_State *L);

/* Pushes "script.lua:7: function: name: expected …, got …"; the line is the script's, not one of leaselock.lua. */
void ll_push_misuse(lua_State *L, const char *function, const char *name, const char *expected, int index);

/* Strings without NUL, numbers without rounding. False: what is at the index is something else; nothing was raised. */
bool ll_to_text(lua_State *L, int index, const char **text);
bool ll_to_int64(lua_State *L, int index, int64_t *number);
/* False and nothing pushed: this Lua has no number for it. */
bool ll_push_int64(lua_State *L, int64_t number);

/* Seconds to milliseconds: the nearest, and 1 for less than that; the rules are with the typedefs in leaselock.i. */
bool ll_to_ttl(lua_State *L, int index, int64_t *ms);
bool ll_to_wait(lua_State *L, int index, int64_t *ms);
bool ll_to_timeout(lua_State *L, int index, int64_t *ms);
bool ll_to_delay(lua_State *L, int index, int64_t *ms);

/* Pushes nil, "NAME: message", "NAME" and a table of details for the call that failed last; returns 4. */
int ll_push_failure(lua_State *L);

/* Once for each Lua state: remembers what the interrupts of waits need. */
void ll_waits_register(lua_State *L);

/* A call of C that may wait or call back: while it runs, the interpreter's own hooks do. */
typedef struct ll_wait_call {
    lua_State *L;
    int top; /* of the stack; above it lies the error of a callback */
    leaselock_interrupt_hook outer;
} ll_wait_call;

void ll_wait_begin(lua_State *L, ll_wait_call *call);
/* False: a callback failed, its error is on top. */
bool ll_wait_end(ll_wait_call *call);

/* A backoff written in Lua, for the time of one call. */
typedef struct ll_script_backoff {
    lua_State *L;
    int base; /* of its stack slots */
} ll_script_backoff;

/* Pushes what the callbacks will need. NULL where the value has no start, next, attempts and max_attempts. */
leaselock_backoff *ll_script_backoff_new(lua_State *L, int index, const ll_kind *kind, ll_script_backoff *script);

/* Secrets that are a function of Lua, for the time of one call. */
typedef struct ll_script_secrets {
    lua_State *L;
    int base; /* of its stack slots */
} ll_script_secrets;

/* Pushes what the callback will need. NULL where the value is no function. */
leaselock_secrets *ll_script_secrets_new(lua_State *L, int index, const ll_kind *kind, ll_script_secrets *script);

/* A function of Lua that follows a run of migrations, for the time of that run. */
typedef struct ll_script_progress {
    lua_State *L;
    int function;  /* its stack slot */
    void **result; /* the place of a handle, in the slot above */
} ll_script_progress;
typedef ll_script_progress *ll_progress;

/* Pushes what the callback will need. NULL where the value is no function. */
ll_progress ll_script_progress_new(lua_State *L, int index, const ll_kind *kind, ll_script_progress *script);
/* Calls it with a handle of the result, which is empty again afterwards. False: it failed, its error is on top. */
bool ll_progress_call(ll_progress progress, const leaselock_migration_result *so_far);

#endif
