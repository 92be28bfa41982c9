/*
 * Lua: handles are userdata of our own (SWIG's trust any userdata). An operational failure is nil, "NAME: message",
 * "NAME" and details; misuse is an error. Durations are seconds, integers exact. What the typemaps call is in
 * lua/support.h.
 */
%{
#include "lua/support.h"

/* Missing arguments are nil and further ones are ignored, as everywhere in Lua. */
#undef SWIG_check_num_args
#define SWIG_check_num_args(function, least, most) lua_settop(L, most);

/* SWIG would leave two functions in the globals, which trust any userdata, too. */
#undef SWIG_Lua_add_function
#define SWIG_Lua_add_function(L, name, function) ((void)(function))

#define LL_MISUSE(function, name, expected, index)               \
    do {                                                         \
        ll_push_misuse(L, function, name, expected, index);      \
        SWIG_fail;                                               \
    } while (0)

#define LL_TOO_LARGE(function)                                                      \
    do {                                                                            \
        SWIG_Lua_pushferrstring(L, "%s: the number is beyond 2^53", function);      \
        SWIG_fail;                                                                  \
    } while (0)
%}

%init %{
    ll_waits_register(L);
%}

/* A callback's error goes before whatever the library said. */
%define %blocking(fn)
%exception fn {
    ll_wait_call call;
    ll_wait_begin(L, &call);
    $action
    if (!ll_wait_end(&call))
        SWIG_fail;
}
%enddef

/* An OUT is made before the call, empty, so that no failure of Lua can come between C's success and its handle. */
%define %handle(T, NAME, FREE)
%{
static void T##_free_pointer(void *pointer)
{
    FREE(pointer);
}
static const ll_kind T##_handle_kind = {#NAME, T##_free_pointer};
%}
%init %{
    ll_kind_register(L, &T##_handle_kind);
%}
%typemap(in) T *, const T *
{
    $1 = ll_handle_at(L, $input, &T##_handle_kind);
    if (!$1)
        LL_MISUSE("$symname", "$1_name", "leaselock." #NAME, $input);
}
%typemap(in, numinputs=0) T **OUT (int place) ""
%typemap(check) T **OUT
{
    $1 = ($1_ltype)ll_handle_push(L, &T##_handle_kind);
    place$argnum = lua_gettop(L);
}
%typemap(argout) T **OUT
{
    lua_pushvalue(L, place$argnum);
    lua_replace(L, -2);
}
%enddef

/* The one function that takes more than a handle: a backoff, or a script's own object with its four methods. */
%typemap(in) leaselock_backoff *any_backoff (ll_script_backoff script)
{
    $1 = ll_handle_at(L, $input, &leaselock_backoff_handle_kind);
    if (!$1)
        $1 = ll_script_backoff_new(L, $input, &leaselock_backoff_handle_kind, &script);
    if (!$1)
        LL_MISUSE("$symname", "backoff", "leaselock.Backoff, or start, next, attempts and max_attempts", $input);
}

/* True, which the argout typemaps replace. */
%typemap(out) leaselock_status
{
    if ($1 != LEASELOCK_OK)
        return ll_push_failure(L);
    lua_pushboolean(L, true);
    SWIG_arg++;
}

%typemap(in, numinputs=0) bool *ANSWER (bool answer = false) "$1 = &answer;"
%typemap(argout) bool *ANSWER
{
    lua_pushboolean(L, *$1);
    lua_replace(L, -2);
}
%typemap(in, numinputs=0) leaselock_state *STATE (leaselock_state state = 0) "$1 = &state;"
%typemap(argout) leaselock_state *STATE
{
    lua_pushstring(L, leaselock_state_name(*$1));
    lua_replace(L, -2);
}
%typemap(in, numinputs=0) int64_t *NUMBER (int64_t number = 0) "$1 = &number;"
%typemap(argout) int64_t *NUMBER
{
    if (!ll_push_int64(L, *$1))
        LL_TOO_LARGE("$symname");
    lua_replace(L, -2);
}

%typemap(in) const char *
{
    if (!ll_to_text(L, $input, (const char **)&$1))
        LL_MISUSE("$symname", "$1_name", "string without NUL", $input);
}
%typemap(in) const char *NULLABLE
{
    $1 = NULL;
    if (!lua_isnil(L, $input) && !ll_to_text(L, $input, (const char **)&$1))
        LL_MISUSE("$symname", "$1_name", "string without NUL, or nil", $input);
}
%typemap(in) int64_t
{
    if (!ll_to_int64(L, $input, &$1))
        LL_MISUSE("$symname", "$1_name", "exact integer", $input);
}
%typemap(in) size_t (int64_t number)
{
    if (!ll_to_int64(L, $input, &number) || number < 0)
        LL_MISUSE("$symname", "$1_name", "integer, 0 or more", $input);
    $1 = (size_t)number;
}
%typemap(in) double
{
    if (lua_type(L, $input) != LUA_TNUMBER)
        LL_MISUSE("$symname", "$1_name", "number", $input);
    $1 = lua_tonumber(L, $input);
}
%typemap(in) bool
{
    if (!lua_isnil(L, $input) && !lua_isboolean(L, $input))
        LL_MISUSE("$symname", "$1_name", "boolean or nil", $input);
    $1 = lua_toboolean(L, $input);
}

%typemap(in) ll_ttl
{
    if (!ll_to_ttl(L, $input, &$1))
        LL_MISUSE("$symname", "$1_name", "seconds, more than 0 and finite, or nil", $input);
}
%typemap(in) ll_wait
{
    if (!ll_to_wait(L, $input, &$1))
        LL_MISUSE("$symname", "$1_name", "seconds, 0 or more, or nil", $input);
}
%typemap(in) ll_timeout
{
    if (!ll_to_timeout(L, $input, &$1))
        LL_MISUSE("$symname", "$1_name", "seconds, 0 or more, or nil", $input);
}
%typemap(in) ll_delay
{
    if (!ll_to_delay(L, $input, &$1))
        LL_MISUSE("$symname", "$1_name", "seconds, 0 or more and finite", $input);
}

%typemap(out) const char *
{
    lua_pushstring(L, $1);
    SWIG_arg++;
}
%typemap(out) bool
{
    lua_pushboolean(L, $1);
    SWIG_arg++;
}
%typemap(out) leaselock_state
{
    lua_pushstring(L, leaselock_state_name($1));
    SWIG_arg++;
}
%typemap(out) size_t
{
    lua_pushinteger(L, (lua_Integer)$1);
    SWIG_arg++;
}
%typemap(out) int64_t
{
    if (!ll_push_int64(L, $1))
        LL_TOO_LARGE("$symname");
    SWIG_arg++;
}
%typemap(out) int64_t leaselock_lease_ttl, int64_t leaselock_lease_expiry, int64_t leaselock_lease_remaining,
              int64_t leaselock_listing_ttl, int64_t leaselock_listing_expiry, int64_t leaselock_listing_remaining
{
    lua_pushnumber(L, (lua_Number)$1 / 1000);
    SWIG_arg++;
}

/* States are their names. */
%ignore leaselock_state_name;
