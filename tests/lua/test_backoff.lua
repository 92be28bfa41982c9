-- The pauses of an obtain: built in, and written in Lua.
local leaselock = require "leaselock"
local harness = require "harness"
local test, clock_test, equal, fails = harness.test, harness.clock_test, harness.equal, harness.fails

-- A lock in a world whose clock stands still.
local function open_stopped()
    leaselock.testing.clock_start()
    return harness.open()
end

-- Runs an obtain that finds the resource held, and answers how many seconds it paused for.
local function paused(locks, obtain)
    local holder = assert(locks:obtain("invoice", "holder", { ttl = 86400 }))
    local before = holder:remaining()
    fails("BUSY", obtain())
    local seconds = before - holder:remaining()
    assert(holder:release())
    return seconds
end

test("the default sleeps 1, 1.5 and 2.25 s", function()
    local backoff = leaselock.new_backoff()
    equal(backoff:max_attempts(), 3)
    equal(backoff:attempts(), 0)
    equal(backoff:next(), 1)
    equal(backoff:next(), 1.5)
    equal(backoff:attempts(), 2)
    equal(backoff:next(), 2.25)
    equal(backoff:next(), nil)
    equal(backoff:attempts(), 3)
    assert(backoff:start())
    equal(backoff:next(), 1)
end)

clock_test("an obtain gives up after 4.75 s", function()
    local locks = open_stopped()
    harness.near(paused(locks, function()
        return locks:obtain("invoice", "b")
    end), 4.75, 1e-6)
end)

clock_test("one built-in backoff serves any number of obtains", function()
    local locks = open_stopped()
    local backoff = leaselock.exponential_backoff { max_attempts = 2, initial_interval = 0.5, multiplier = 3 }
    for _ = 1, 2 do
        harness.near(paused(locks, function()
            return locks:obtain_with_backoff("invoice", "b", backoff)
        end), 2, 1e-6)
    end
    equal(backoff:attempts(), 0)
end)

test("the options of an exponential backoff have defaults and bounds", function()
    local backoff = leaselock.exponential_backoff()
    equal(backoff:max_attempts(), 3)
    equal(backoff:next(), 1)
    equal(backoff:next(), 1.5)
    equal(leaselock.exponential_backoff({ max_attempts = 0 }):next(), nil)
    fails("INVALID", leaselock.exponential_backoff { max_attempts = -1 })
    fails("INVALID", leaselock.exponential_backoff { multiplier = 0 })
    fails("INVALID", leaselock.exponential_backoff { multiplier = math.huge })
    harness.raises("initial", leaselock.exponential_backoff, { initial_interval = -1 })
    harness.raises("initial", leaselock.exponential_backoff, { initial_interval = math.huge })
    harness.raises("max_attempts", leaselock.exponential_backoff, { max_attempts = 1.5 })
end)

-- A backoff in Lua, of given pauses.
local function script_backoff(...)
    local self = { pauses = { ... }, given = 0, starts = 0 }
    function self:start()
        self.given, self.starts = 0, self.starts + 1
    end
    function self:next()
        self.given = self.given + 1
        return self.pauses[self.given]
    end
    function self:attempts()
        return self.given
    end
    function self:max_attempts()
        return #self.pauses
    end
    return self
end

clock_test("a backoff written in Lua decides", function()
    local locks = open_stopped()
    local backoff = script_backoff(0.25, 0, 10)
    harness.near(paused(locks, function()
        return locks:obtain_with_backoff("invoice", "b", backoff)
    end), 10.25, 1e-6)
    equal(backoff.given, 4)
    equal(backoff.starts, 1)
end)

clock_test("its methods may come from a metatable, of a table or of a userdata", function()
    local locks = open_stopped()
    local methods = script_backoff(1)
    local object = setmetatable({ pauses = { 2 } }, { __index = methods })
    harness.near(paused(locks, function()
        return locks:obtain_with_backoff("invoice", "b", object)
    end), 2, 1e-6)
    if newproxy then
        local proxy = newproxy(true)
        local state = script_backoff(3)
        getmetatable(proxy).__index = {
            start = function() state:start() end,
            next = function() return state:next() end,
            attempts = function() return state:attempts() end,
            max_attempts = function() return state:max_attempts() end,
        }
        harness.near(paused(locks, function()
            return locks:obtain_with_backoff("invoice", "b", proxy)
        end), 3, 1e-6)
    end
end)

clock_test("a wait cuts it, and options go last", function()
    local locks = open_stopped()
    harness.near(paused(locks, function()
        return locks:obtain_with_backoff("invoice", "b", script_backoff(100, 100), { wait = 7, ttl = 5 })
    end), 7, 1e-6)
    equal(assert(locks:obtain_with_backoff("invoice", "b", script_backoff(), { ttl = 5 })):ttl(), 5)
end)

test("it may use the library itself", function()
    local locks = harness.open()
    local holder = assert(locks:obtain("invoice", "a"))
    local backoff = script_backoff(0)
    function backoff.next()
        fails("BUSY", locks:obtain_with_no_wait("invoice", "c"))
        assert(holder:release())
        return 0
    end
    equal(assert(locks:obtain_with_backoff("invoice", "b", backoff)):client_id(), "b")
end)

test("what it raises comes out as it is, from start and from next", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    for _, method in ipairs { "start", "next" } do
        local backoff, raised = script_backoff(1), {}
        backoff[method] = function()
            error(raised)
        end
        harness.raises(raised, locks.obtain_with_backoff, locks, "invoice", "b", backoff)
        backoff[method] = function()
            local nothing
            return nothing.field
        end
        harness.raises("nothing", locks.obtain_with_backoff, locks, "invoice", "b", backoff)
    end
    fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
end)

test("a nil error is still an error", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    local backoff = script_backoff(1)
    function backoff.next()
        error(nil)
    end
    equal((pcall(locks.obtain_with_backoff, locks, "invoice", "b", backoff)), false)
end)

test("it cannot yield", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    local backoff = script_backoff(1)
    function backoff.next()
        coroutine.yield()
    end
    local thread = coroutine.create(function()
        return locks:obtain_with_backoff("invoice", "b", backoff)
    end)
    local ok, message = coroutine.resume(thread)
    equal(ok, false)
    assert(message:find("yield", 1, true), message)
    equal(coroutine.status(thread), "dead")
    -- the hook of that wait is gone with it
    equal(assert(locks:obtain("other", "b")):wait(0.15), "HELD")
end)

test("what it gives has to be seconds", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    for _, bad in ipairs { "1", -1, math.huge, 0 / 0, true, {} } do
        harness.raises("next has to give seconds", locks.obtain_with_backoff, locks, "invoice", "b",
            script_backoff(bad))
    end
end)

test("what is no backoff is refused before anything is asked", function()
    local locks = harness.open()
    local strangers = { 1, "text", true, {}, io.stdout, locks, { start = print, next = print, attempts = print } }
    strangers[#strangers + 1] = newproxy and newproxy()
    for _, bad in ipairs(strangers) do
        harness.raises("backoff", locks.obtain_with_backoff, locks, "invoice", "b", bad)
    end
    harness.raises("backoff", locks.obtain_with_backoff, locks, "invoice", "b")
    harness.raises("attempt to call", locks.obtain_with_backoff, locks, "invoice", "b",
        { start = 1, next = 1, attempts = 1, max_attempts = 1 })
    equal(#assert(locks:list { all = true }), 0)
end)

test("an interrupt ends the waits in progress as INTERRUPTED, and no later one", function()
    local locks = harness.open()
    local holder = assert(locks:obtain("invoice", "a"))
    local backoff = script_backoff()
    function backoff.next()
        assert(locks:interrupt())
        return 60
    end
    fails("INTERRUPTED", locks:obtain_with_backoff("invoice", "b", backoff))
    assert(holder:release())
    assert(locks:obtain("invoice", "b"))
end)

test("a lock that is closed meanwhile ends the wait as CLOSED", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    local backoff = script_backoff()
    function backoff.next()
        assert(locks:close())
        return 60
    end
    fails("CLOSED", locks:obtain_with_backoff("invoice", "b", backoff))
end)
