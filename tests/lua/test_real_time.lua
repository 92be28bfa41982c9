-- What becomes of leases as time passes, for every engine: nobody can move the clock of a server.
local leaselock = require "leaselock"
local harness = require "harness"
local test, equal, fails = harness.test, harness.equal, harness.fails

local short, long = 0.3, 600

-- A lease of which its holder and the engine say that it is over.
local function expired(locks)
    local lease = assert(locks:obtain_with_no_wait("invoice", "a", { ttl = short }))
    equal(lease:wait(30), "EXPIRED")
    harness.eventually(function()
        return #assert(locks:list()) == 0
    end)
    return lease
end

test("real time: an expired lease is taken over by one try, and lost to who took it", function()
    local locks = harness.open()
    local first = expired(locks)
    local second = assert(locks:obtain_with_no_wait("invoice", "b", { ttl = long }))
    equal(second:sequence(), first:sequence() + 1)
    local _, details = fails("LOST", first:renew())
    equal(details.holder, "b")
    equal(details.sequence, second:sequence())
    equal(first:state(), "LOST")
    equal(first:lost_to(), "b")
    equal(first:release(), false)
    equal(second:state(), "HELD")
end)

test("real time: nobody has it before its ttl is over", function()
    local locks = harness.open()
    local first = assert(locks:obtain("invoice", "a", { ttl = short }))
    fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
    assert(locks:obtain("invoice", "b", { wait = 30 }))
    equal(first:state(), "EXPIRED")
end)

test("real time: an explicit renew revives what nobody took", function()
    local locks = harness.open()
    local lease = expired(locks)
    equal(lease:renew(), true)
    equal(lease:sequence(), 1)
end)

test("real time: a renewal gives the whole ttl again", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a", { ttl = long }))
    local expiry = lease:expiry()
    harness.eventually(function()
        return lease:remaining() < long * 0.98 - 0.5
    end)
    local before = lease:remaining()
    equal(lease:renew(), true)
    assert(lease:remaining() > before and lease:remaining() <= long * 0.98)
    assert(lease:expiry() > expiry)
end)

test("real time: a lease that is kept stays held for longer than its ttl", function()
    local locks = harness.open { ttl = 1 }
    local kept, other = assert(locks:hold("kept", "a")), assert(locks:obtain("other", "a"))
    equal(other:wait(30), "EXPIRED")
    equal(kept:wait(1), "HELD")
    fails("BUSY", locks:obtain_with_no_wait("kept", "b"))
end)

test("real time: a kept lease hears of its loss", function()
    local locks = harness.open { ttl = 1 }
    local lease = assert(locks:hold("invoice", "a"))
    assert(assert(locks:resume("invoice", "a", lease:sequence(), lease:acquisition())):release())
    equal(lease:wait(30), "LOST")
end)

test("real time: listing tells states and times", function()
    local locks = harness.open()
    expired(locks)
    local lease = assert(locks:obtain("b", "client-b", { ttl = long }))
    assert(assert(locks:obtain("a", "client-a")):release())
    local all = assert(locks:list { all = true })
    equal(#all, 3)
    equal(all[1].resource_id .. all[1].state, "aRELEASED")
    equal(all[2].resource_id .. all[2].state .. all[2].client_id, "bHELDclient-b")
    equal(all[2].expiry, lease:expiry())
    equal(all[2].ttl, long)
    assert(all[2].remaining > long - 30 and all[2].remaining <= long)
    equal(all[3].resource_id .. all[3].state .. all[3].remaining, "invoiceEXPIRED" .. all[3].remaining)
    equal(all[3].remaining, 0)
end)

test("real time: a backoff of the script's pauses, and a wait cuts it", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a", { ttl = long }))
    local asked = 0
    local backoff = { start = function() end, attempts = function() return asked end, max_attempts = function() return 9 end }
    function backoff.next()
        asked = asked + 1
        return asked < 3 and 0.05 or long
    end
    fails("BUSY", locks:obtain_with_backoff("invoice", "b", backoff, { wait = 0.5 }))
    equal(asked, 3)
end)

if harness.engine == "postgresql" then
    test("the test clock moves what this process thinks, and nothing of what is granted", function()
        local locks = harness.open()
        leaselock.testing.clock_start()
        local lease = assert(locks:obtain("invoice", "a", { ttl = long }))
        leaselock.testing.clock_advance(long)
        equal(lease:state(), "EXPIRED")
        fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
        equal(lease:renew(), true)
        equal(lease:release(), true)
    end)
end
