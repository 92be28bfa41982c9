-- interrupt.lua CASE URL: waits, says so, and says what ended the wait. interrupt.py sends the signal.
local leaselock = require "leaselock"

local case, url = arg[1], arg[2]
io.stdout:setvbuf "line"
local locks = assert(leaselock.open(url))
local lease = assert(locks:hold("invoice", "a"))

local function wait_for_obtain()
    return locks:obtain("invoice", "b", { wait = 60 })
end

local function wait_for_lease()
    return lease:wait(60)
end

local function in_coroutine(wait)
    return function()
        local thread = coroutine.create(wait)
        local ok, result = coroutine.resume(thread)
        if not ok then
            error(result, 0)
        end
        return result
    end
end

local sleepy = { start = function() end, attempts = function() return 0 end, max_attempts = function() return 1 end }

function sleepy.next()
    -- a call within the call: the outer one's hook has to come back
    local _, _, name = locks:obtain_with_no_wait("invoice", "c")
    assert(name == "BUSY")
    return 60
end

local busy = setmetatable({}, { __index = sleepy })

function busy.next()
    while true do
    end
end

if jit then
    jit.off(busy.next) -- compiled code looks at no hook
end

local cases = {
    obtain = wait_for_obtain,
    lease = wait_for_lease,
    backoff = function()
        return locks:obtain_with_backoff("invoice", "b", sleepy)
    end,
    script = function()
        return locks:obtain_with_backoff("invoice", "b", busy)
    end,
    coroutine = in_coroutine(wait_for_obtain),
    nested = in_coroutine(in_coroutine(wait_for_lease)),
    again = in_coroutine(function()
        local ok, result = pcall(wait_for_lease)
        print(ok and "went on" or result)
        return lease:wait(0.3)
    end),
    hook = in_coroutine(function()
        -- the coroutine's own hook stays its own
        local function hook() end
        debug.sethook(hook, "l")
        local ok, result = pcall(wait_for_lease)
        assert(debug.gethook() == hook)
        debug.sethook()
        return ok or error(result, 0)
    end),
}

print("waiting")
local ok, result = pcall(cases[case])
print(result)
-- once is once: the next waits are as long as they should be
print(lease:wait(0.3))
print(in_coroutine(function()
    return lease:wait(0.3)
end)())
print(lease:release())
