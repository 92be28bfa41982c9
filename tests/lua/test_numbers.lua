-- Integers are exact, or an error.
local harness = require "harness"
local test, equal, raises = harness.test, harness.equal, harness.raises

local has_integers = math.type ~= nil

test("a sequence is an integer", function()
    local locks = harness.open()
    local lease = assert(locks:obtain("invoice", "a"))
    equal(tostring(lease:sequence()), "1")
    if has_integers then
        equal(math.type(lease:sequence()), "integer")
        equal(math.type(locks:list()[1].sequence), "integer")
        equal(math.type(locks:raise_floor(0)), "integer")
    end
end)

test("what is no integer is refused", function()
    local locks = harness.open()
    local acquisition = assert(locks:obtain("invoice", "a")):acquisition()
    for _, bad in ipairs { 1.5, math.huge, -math.huge, 0 / 0, "1", true, {}, 1e300 } do
        raises("floor: expected exact integer", locks.raise_floor, locks, bad)
        raises("sequence: expected exact integer", locks.resume, locks, "invoice", "a", bad, acquisition)
    end
    raises("floor", locks.raise_floor, locks)
    equal(assert(locks:obtain("other", "a")):sequence(), 1)
    equal(locks:raise_floor(7.0), 7)
end)

if has_integers then
    test("beyond 2^53 every integer is still itself", function()
        local locks = harness.open()
        local floor = math.tointeger(2 ^ 53) + 1
        equal(locks:raise_floor(floor), floor)
        local lease = assert(locks:obtain("invoice", "a"))
        equal(lease:sequence(), floor + 1)
        equal(locks:list()[1].sequence, floor + 1)
        local _, details = harness.fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
        equal(details.sequence, floor + 1)
        equal(assert(locks:resume("invoice", "a", floor + 1, lease:acquisition())):sequence(), floor + 1)
        equal(locks:raise_floor(math.tointeger(2 ^ 62)), math.tointeger(2 ^ 62))
        harness.fails("INVALID", locks:raise_floor(math.maxinteger))
        harness.fails("INVALID", locks:raise_floor(math.mininteger))
    end)
else
    test("up to 2^53 a number is an integer, beyond it an error", function()
        local locks = harness.open()
        equal(locks:raise_floor(2 ^ 53 - 1), 2 ^ 53 - 1)
        local last = assert(locks:obtain("last", "a"))
        equal(last:sequence(), 2 ^ 53)
        raises("floor: expected exact integer", locks.raise_floor, locks, 2 ^ 53 + 2)
        equal(locks:raise_floor(2 ^ 53), 2 ^ 53)
        local lease = assert(locks:obtain("invoice", "a"))
        raises("beyond 2^53", lease.sequence, lease)
        raises("beyond 2^53", locks.list, locks)
        equal(tostring(lease), 'leaselock.Lease("invoice", sequence beyond 2^53, HELD)')
        local _, details = harness.fails("BUSY", locks:obtain_with_no_wait("invoice", "b"))
        equal(details.sequence, nil)
        equal(details.holder, "a")
        equal(lease:release(), true)
    end)
end
