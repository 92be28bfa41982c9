-- Obtain, keep, release in one: with a function, or as a kept lease.
local leaselock = require "leaselock"
local harness = require "harness"
local test, clock_test, equal, fails = harness.test, harness.clock_test, harness.equal, harness.fails

test("the function has the lease, and it is released afterwards", function()
    local locks = harness.open()
    local held
    local ok, one, none, three = locks:hold("invoice", "a", function(lease)
        held = lease
        equal(lease:state(), "HELD")
        fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
        return 1, nil, 3
    end)
    equal(ok, true)
    equal(one, 1)
    equal(none, nil)
    equal(three, 3)
    equal(held:state(), "RELEASED")
    assert(locks:obtain_with_no_wait("invoice", "b"))
end)

test("what the function raises comes out as it is, and the lease is released", function()
    local locks = harness.open()
    local raised = { "any value" }
    harness.raises(raised, locks.hold, locks, "invoice", "a", function()
        error(raised)
    end)
    assert(locks:obtain_with_no_wait("invoice", "b"))
end)

test("options go before the function", function()
    local locks = harness.open()
    assert(locks:hold("invoice", "a", { ttl = 7 }, function(lease)
        equal(lease:ttl(), 7)
    end))
    harness.raises("there is no option tll", locks.hold, locks, "invoice", "a", { tll = 7 }, print)
end)

test("a busy resource is a failure, and the function is not called", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    fails("BUSY", locks:hold("invoice", "b", { wait = 0 }, function()
        error("called")
    end))
end)

-- Another holder, by force: nobody renews under the test clock, and the keeper must not.
local function take_over(locks, lease)
    locks:resume(lease:resource_id(), lease:client_id(), lease:sequence(), lease:acquisition()):release()
    return assert(locks:obtain_with_no_wait(lease:resource_id(), "thief"))
end

test("a loss is reported, after the function has ended", function()
    local locks = harness.open()
    local ended = false
    local message = fails("LOST", locks:hold("invoice", "a", function(lease)
        take_over(locks, lease)
        ended = true
    end))
    assert(message:find("invoice", 1, true))
    equal(ended, true)
end)

test("a loss never hides what the function raised", function()
    local locks = harness.open()
    harness.raises("the body's own", locks.hold, locks, "invoice", "a", function(lease)
        take_over(locks, lease)
        error("the body's own")
    end)
end)

test("a lease that the function released itself is no loss", function()
    local locks = harness.open()
    assert(locks:hold("invoice", "a", function(lease)
        assert(lease:release())
    end))
end)

clock_test("an engine that cannot be asked is no loss while the lease is valid", function()
    local locks = harness.open()
    assert(locks:hold("invoice", "a", function()
        locks:close()
    end))
    locks = harness.open()
    leaselock.testing.clock_start()
    fails("CLOSED", locks:hold("invoice", "a", function()
        locks:close()
        leaselock.testing.clock_advance(31)
    end))
end)

clock_test("without a function hold gives a lease that is kept", function()
    local locks = harness.open()
    leaselock.testing.clock_start()
    local lease = assert(locks:hold("invoice", "a", { ttl = 20 }))
    local expiry = lease:expiry()
    leaselock.testing.clock_advance(15)
    harness.eventually(function()
        return lease:expiry() == expiry + 15
    end)
    leaselock.testing.clock_advance(15)
    equal(lease:valid(), true)
    fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
    equal(lease:release(), true)
end)

if _VERSION ~= "Lua 5.1" or jit then
    test("a function may yield while it has the lease", function()
        local locks = harness.open()
        local work = coroutine.wrap(function()
            return locks:hold("invoice", "a", function(lease)
                coroutine.yield(lease)
                return "done"
            end)
        end)
        local lease = work()
        equal(lease:state(), "HELD")
        local ok, result = work()
        equal(ok, true)
        equal(result, "done")
        equal(lease:state(), "RELEASED")
    end)
end
