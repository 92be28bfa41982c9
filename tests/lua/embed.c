/* A program that embeds Lua: states that end with live leases, memory that runs out, and two states at once. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "leaselock/sys/probes.h"
#include "support/allocator.h"
#include "support/check.h"

/* Lua's memory: past `left` allocations nothing is given any more. 0: no limit. */
typedef struct memory {
    size_t left;
    bool failed;
} memory;

static void *allocate(void *payload, void *block, size_t old_size, size_t size)
{
    memory *given = payload;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (given->left == 1 && (!block || size > old_size)) {
        given->failed = true;
        return NULL;
    }
    if (given->left > 1)
        given->left--;
    return realloc(block, size);
}

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "leaselock");
    lua_call(L, 1, 1);
    lua_setglobal(L, "leaselock");
    return 0;
}

static int run_script(lua_State *L)
{
    if (luaL_loadstring(L, lua_touserdata(L, 1)) != 0)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

/* Nothing is allocated before the call is protected; in 5.1 that is lua_cpcall()'s alone. */
static int call(lua_State *L, lua_CFunction function, const char *text)
{
#if LUA_VERSION_NUM >= 502
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, (void *)text);
    return lua_pcall(L, 1, 0, 0);
#else
    return lua_cpcall(L, function, (void *)text);
#endif
}

static lua_State *new_state(memory *given)
{
    lua_State *L = lua_newstate(allocate, given);
    assert_non_null(L);
    if (call(L, open_libraries, NULL) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    return L;
}

/* Everything that hands a handle over, calls back, fails, or reports; all of it stays alive. */
static const char script[] =
    "locks = assert(leaselock.open('memory:embed', {client_id = 'a'}))\n"
    "lease = assert(locks:obtain('invoice'))\n"
    "assert(lease:keep())\n"
    "other = assert(locks:hold('other'))\n"
    "local backoff = {start = print, attempts = print, max_attempts = print, next = function() return nil end}\n"
    "function backoff.start() return {} end\n"
    "local _, message, name = locks:obtain_with_backoff('invoice', 'b', backoff)\n"
    "if name ~= 'BUSY' then error(message) end\n"
    "pause = assert(leaselock.exponential_backoff { max_attempts = 0 })\n"
    "_, message, name = locks:obtain_with_backoff('invoice', 'b', pause)\n"
    "if name ~= 'BUSY' then error(message) end\n"
    "resumed = assert(locks:resume('other', 'a', other:sequence(), other:acquisition()))\n"
    "assert(#assert(locks:list()) == 2)\n"
    "text = tostring(locks) .. tostring(lease)\n";

/* Nothing is released: the next state has to find the leases expired. */
static void close_state(lua_State *L)
{
    lua_close(L);
    leaselock_test_clock_advance(LEASELOCK_TTL_DEFAULT_MS);
}

/* What a state leaves to the process: the database with its rows. No keeper, which would end when it likes. */
static size_t alive_between_states(void)
{
    static const char rows[] = "local locks = assert(leaselock.open('memory:embed'))\n"
                               "assert(locks:obtain('invoice'))\n"
                               "assert(locks:obtain('other'))\n";
    memory plenty = {0};
    lua_State *L = new_state(&plenty);
    if (call(L, run_script, rows) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    close_state(L);
    return allocator_alive();
}

TEST(a_state_ends_with_live_leases)
{
    size_t before = alive_between_states();
    for (int i = 0; i < 10; i++) {
        memory plenty = {0};
        lua_State *L = new_state(&plenty);
        if (call(L, run_script, script) != 0)
            fail_msg("%s", lua_tostring(L, -1));
        assert_true(allocator_alive() > before);
        close_state(L);
        /* the keeper frees itself when it gets to it */
        assert_eventually(allocator_alive() == before);
    }
}

TEST(lua_runs_out_of_memory_at_any_moment)
{
    size_t before = alive_between_states();
    bool failed = true;
    for (size_t left = 1; failed; left++) {
        memory scarce = {0};
        lua_State *L = new_state(&scarce);
        scarce.left = left;
        int status = call(L, run_script, script);
        scarce.left = 0;
        failed = scarce.failed;
        if (status != 0 && !failed)
            fail_msg("%s", lua_tostring(L, -1));
        close_state(L);
        assert_eventually(allocator_alive() == before);
    }
}

TEST(the_library_runs_out_of_memory_at_any_moment)
{
    size_t before = alive_between_states();
    bool failed = true;
    for (size_t first = 1; failed; first++) {
        memory plenty = {0};
        lua_State *L = new_state(&plenty);
        allocator_fail(first, false);
        int status = call(L, run_script, script);
        failed = allocator_heal();
        const char *message = status == 0 ? NULL : lua_tostring(L, -1);
        /* the keeper's own memory may be what failed: it tries again, and the script does not hear of it */
        if (message && !strstr(message, "NOMEM: ") && !strstr(message, "not enough memory"))
            fail_msg("%s", message);
        close_state(L);
        assert_eventually(allocator_alive() == before);
    }
}

/* Scripts cannot make light userdata; hosts hand them out. */
TEST(light_userdata_is_no_handle)
{
    static const char tries[] = "local lease = assert(assert(leaselock.open('memory:light')):obtain('invoice', 'a'))\n"
                                "assert(not pcall(lease.state, light))\n"
                                "assert(not pcall(lease.release, light))\n"
                                "assert(not pcall(require('leaselock.core').lock_close, light))\n"
                                "assert(lease:state() == 'HELD')\n";
    memory plenty = {0};
    lua_State *L = new_state(&plenty);
    lua_pushlightuserdata(L, (void *)tries);
    lua_setglobal(L, "light");
    if (call(L, run_script, tries) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    close_state(L);
}

static const char contender[] =
    "local locks = assert(leaselock.open('memory:contended'))\n"
    "for _ = 1, 50 do\n"
    "    assert(locks:hold('turn', nil, {wait = 60}, function(lease)\n"
    "        local sequence = lease:sequence()\n"
    "        assert(sequence > (last or 0))\n"
    "        last = sequence\n"
    "    end))\n"
    "end\n"
    "locks:close()\n";

static void *contend(void *state)
{
    return call(state, run_script, contender) == 0 ? NULL : state;
}

TEST(states_of_two_threads_contend)
{
    leaselock_test_clock_stop();
    memory plenty[2] = {{0}, {0}};
    lua_State *states[2];
    pthread_t threads[2];
    /* one after the other: SWIG's runtime is not made for two first loads at once */
    for (int i = 0; i < 2; i++)
        states[i] = new_state(&plenty[i]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend, states[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        if (failed)
            fail_msg("%s", lua_tostring(failed, -1));
        lua_close(states[i]);
    }
}

int main(void)
{
    allocator_install();
    leaselock_test_clock_start(1000, 1700000000000);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_ends_with_live_leases),
        cmocka_unit_test(lua_runs_out_of_memory_at_any_moment),
        cmocka_unit_test(the_library_runs_out_of_memory_at_any_moment),
        cmocka_unit_test(light_userdata_is_no_handle),
        cmocka_unit_test(states_of_two_threads_contend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
