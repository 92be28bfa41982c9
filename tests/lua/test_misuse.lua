-- Bad input: a clear error, nothing changed, and never a crash.
local leaselock = require "leaselock"
local core = require "leaselock.core"
local harness = require "harness"
local test, equal, fails, raises = harness.test, harness.equal, harness.fails, harness.raises

-- One value of every type that is no handle, and nil as the last.
local function strangers()
    local values = {
        true, 42, 1.5, "text", {}, print, io.stdout, coroutine.create(function() end),
        setmetatable({}, getmetatable("")),
    }
    if jit then
        values[#values + 1] = require("ffi").new("void *[4]")
    end
    if newproxy then
        values[#values + 1] = newproxy(true)
    end
    return values, #values + 1
end

test("no function takes a stranger for a handle", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    local backoff = leaselock.new_backoff()
    local kinds = { lock = locks, lease = lease, backoff = backoff, listing = core.lock_list(locks) }
    local tried = 0
    for name, call in pairs(core) do
        local kind = name:match("^(%l+)_")
        if type(call) == "function" and kinds[kind] and not name:match("_new_") and name ~= "lock_open" then
            local values, count = strangers()
            for at = 1, count do
                raises("expected leaselock.", call, values[at])
                tried = tried + 1
            end
            for other, handle in pairs(kinds) do
                if other ~= kind then
                    raises("expected leaselock.", call, handle)
                end
            end
        end
    end
    assert(tried > 300)
    equal(lease:state(), "HELD")
end)

test("methods take no stranger for themselves either", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    for _, object in ipairs { locks, lease, leaselock.new_backoff() } do
        for name, method in pairs(debug.getmetatable(object).__index) do
            raises("expected leaselock.", method, io.stdout)
            raises("expected leaselock.", method)
            assert(type(name) == "string")
        end
    end
end)

test("a collected handle is an error, however often it is collected", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    local collect = debug.getmetatable(lease).__gc
    collect(locks) -- of another kind: nothing
    collect(io.stdout)
    collect(nil)
    collect()
    equal(lease:state(), "HELD")
    collect(lease)
    collect(lease)
    raises("expected leaselock.Lease", lease.state, lease)
    raises("expected leaselock.Lease", tostring, lease)
    collect = debug.getmetatable(locks).__gc
    local other = harness.open()
    collect(other)
    collect(other)
    raises("expected leaselock.Lock", other.list, other)
    harness.forget()
end)

test("metatables are locked, and handles take no fields", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    for _, object in ipairs { locks, lease, leaselock.new_backoff() } do
        equal(getmetatable(object), false)
        raises("index", function()
            object.field = 1
        end)
        equal(object.none_such, nil)
    end
end)

test("strings are strings, without NUL", function()
    local locks = harness.open()
    for _, bad in ipairs { 42, true, {}, "a\0b", "\0", io.stdout } do
        raises("resource: expected string without NUL", locks.obtain, locks, bad, "a")
        raises("client: expected string without NUL, or nil", locks.obtain, locks, "invoice", bad)
        raises("client", locks.obtain_with_no_wait, locks, "invoice", bad)
        raises("client", locks.obtain_with_backoff, locks, "invoice", bad, leaselock.new_backoff())
        raises("client", locks.hold, locks, "invoice", bad)
        raises("resource", locks.list, locks, { resource_id = bad })
        raises("acquisition", locks.resume, locks, "invoice", "a", 1, bad)
        raises("url", leaselock.open, bad)
        raises("client", leaselock.open, "memory:", { client_id = bad })
    end
    raises("resource", locks.obtain, locks)
    raises("acquisition", locks.resume, locks, "invoice", "a", 1)
    raises("url", leaselock.open)
    equal(#assert(locks:list { all = true }), 0)
end)

test("ids are 1 to 255 bytes of UTF-8", function()
    local locks = harness.open()
    for _, bad in ipairs { "", ("x"):rep(256), "\255", "\237\160\128", "caf\233" } do
        fails("INVALID", locks:obtain(bad, "a"))
        fails("INVALID", locks:obtain("invoice", bad))
        fails("INVALID", locks:hold(bad, "a"))
        fails("INVALID", locks:list { resource_id = bad })
        fails("INVALID", leaselock.open(harness.new_url(), { client_id = bad }))
    end
    equal(#assert(locks:list { all = true }), 0)
    local longest = ("x"):rep(253) .. "\195\169"
    equal(assert(locks:obtain(longest, longest)):resource_id(), longest)
end)

test("a ttl is seconds, more than 0 and finite, from 0.1 to 86400", function()
    local locks = harness.open()
    for _, bad in ipairs { 0, -1, math.huge, -math.huge, 0 / 0, "30", true, {} } do
        raises("ttl: expected seconds", locks.obtain, locks, "invoice", "a", { ttl = bad })
        raises("ttl: expected seconds", locks.obtain_with_no_wait, locks, "invoice", "a", { ttl = bad })
        raises("ttl: expected seconds", leaselock.open, "memory:", { ttl = bad })
        raises("operation: expected seconds", leaselock.open, "memory:", { operation_timeout = bad })
    end
    for _, bad in ipairs { 1e-9, 0.099, 86400.001, 1e18, 1e300 } do
        fails("INVALID", locks:obtain("invoice", "a", { ttl = bad }))
        fails("INVALID", leaselock.open(harness.new_url(), { ttl = bad }))
    end
    equal(#assert(locks:list { all = true }), 0)
    equal(assert(locks:obtain("least", "a", { ttl = 0.1 })):ttl(), 0.1)
    equal(assert(locks:obtain("most", "a", { ttl = 86400 })):ttl(), 86400)
end)

test("waits and timeouts are seconds, 0 or more", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    for _, bad in ipairs { -1, -math.huge, 0 / 0, "1", true, {} } do
        raises("wait: expected seconds", locks.obtain, locks, "other", "a", { wait = bad })
        raises("timeout: expected seconds", lease.wait, lease, bad)
    end
    fails("BUSY", locks:obtain("invoice", "b", { wait = 0 }))
    raises("there is no option wait", locks.obtain_with_no_wait, locks, "other", "a", { wait = 1 })
    equal(#assert(locks:list { all = true }), 1)
end)

test("options that do not exist are refused, at the line of the script", function()
    local locks = harness.open()
    local message = raises("there is no option tll", function()
        locks:obtain("invoice", "a", { tll = 1 })
    end)
    assert(message:find("test_misuse.lua:", 1, true), message)
    for _, bad in ipairs { 1, true, "text", print } do
        raises("options: expected table or nil", locks.obtain, locks, "invoice", "a", bad)
        raises("options: expected table or nil", leaselock.open, "memory:", bad)
        raises("options: expected table or nil", leaselock.exponential_backoff, bad)
    end
    for _, bad in ipairs { 1, "text", {} } do
        local told = raises("body: expected function or nil", function()
            locks:hold("invoice", "a", nil, bad)
        end)
        assert(told:find("test_misuse.lua:", 1, true), told)
    end
    equal(#assert(locks:list()), 0)
    raises("all: expected boolean or nil", locks.list, locks, { all = 1 })
    raises("there is no option", locks.list, locks, { "invoice" })
end)

test("a misuse is told at the line of the script", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    for _, misuse in ipairs {
        function() locks:obtain(42) end,
        function() locks:hold(42) end,
        function() lease.state(locks) end,
        function() lease:wait("long") end,
    } do
        local message = raises("expected", misuse)
        assert(message:find("test_misuse.lua:", 1, true), message)
    end
end)

test("arguments to spare are ignored", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a", nil, "spare"))
    equal(lease:state("spare", 1, 2, 3), "HELD")
    equal(lease:release("spare"), true)
end)
