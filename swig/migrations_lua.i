/* Lua: what migrations, configuration and secrets need beside handles_lua.i. Kinds and states are their names. */
%define %any_secrets
%typemap(in) leaselock_secrets *any_secrets (ll_script_secrets script)
{
    $1 = NULL;
    if (!lua_isnil(L, $input)) {
        $1 = ll_handle_at(L, $input, &leaselock_secrets_handle_kind);
        if (!$1)
            $1 = ll_script_secrets_new(L, $input, &leaselock_secrets_handle_kind, &script);
        if (!$1)
            LL_MISUSE("$symname", "secrets", "leaselock.Secrets, function or nil", $input);
    }
}
%enddef

%native(handle_keep) int ll_handle_keep(lua_State *L);
%native(handle_kept) int ll_handle_kept(lua_State *L);

%typemap(in) ll_progress (ll_script_progress script)
{
    $1 = ll_script_progress_new(L, $input, &leaselock_migration_result_handle_kind, &script);
    if (!$1 && !lua_isnil(L, $input))
        LL_MISUSE("$symname", "progress", "function or nil", $input);
}

%typemap(in) (const char *BYTES, size_t SIZE)
{
    if (lua_type(L, $input) != LUA_TSTRING)
        LL_MISUSE("$symname", "text", "string", $input);
    $1 = (char *)lua_tolstring(L, $input, &$2);
}

%typemap(in, numinputs=0) char *SECRET (char secret[LEASELOCK_SECRET_MAX + 1]) "$1 = secret;"
%typemap(argout) char *SECRET
{
    lua_pushstring(L, $1);
    lua_replace(L, -2);
}
%typemap(freearg) char *SECRET "explicit_bzero($1, LEASELOCK_SECRET_MAX + 1);"

/* A version, or false: nil would be a failure. */
%typemap(in, numinputs=0) int64_t *VERSION (int64_t version = LEASELOCK_NO_VERSION) "$1 = &version;"
%typemap(argout) int64_t *VERSION
{
    if (*$1 == LEASELOCK_NO_VERSION)
        lua_pushboolean(L, false);
    else if (!ll_push_int64(L, *$1))
        LL_TOO_LARGE("$symname");
    lua_replace(L, -2);
}
%typemap(out) int64_t leaselock_migration_result_from, int64_t leaselock_migration_result_to,
              int64_t leaselock_migration_listing_current
{
    if ($1 == LEASELOCK_NO_VERSION)
        lua_pushnil(L);
    else if (!ll_push_int64(L, $1))
        LL_TOO_LARGE("$symname");
    SWIG_arg++;
}
%typemap(out) int64_t leaselock_migration_result_duration
{
    lua_pushnumber(L, (lua_Number)$1 / 1000);
    SWIG_arg++;
}
%typemap(out) leaselock_migration_kind
{
    lua_pushstring(L, leaselock_migration_kind_name($1));
    SWIG_arg++;
}
%typemap(out) leaselock_migration_state
{
    lua_pushstring(L, leaselock_migration_state_name($1));
    SWIG_arg++;
}
