-- To-be-closed variables: Lua 5.4 only.
local leaselock = require "leaselock"
local harness = require "harness"
local test, clock_test, equal, fails = harness.test, harness.clock_test, harness.equal, harness.fails

test("a lease is released at the end of its block", function()
    local locks = harness.open()
    do
        local lease <close> = assert(locks:obtain("invoice", "a"))
        equal(lease:state(), "HELD")
    end
    do
        local _ <close> = assert(locks:hold("invoice", "b"))
        fails("BUSY", locks:obtain_with_no_wait("invoice", "c"))
    end
    assert(locks:obtain_with_no_wait("invoice", "c"))
end)

test("it is released by an error, which comes out", function()
    local locks = harness.open()
    harness.raises("the block's own", function()
        local _ <close> = assert(locks:obtain("invoice", "a"))
        error("the block's own")
    end)
    assert(locks:obtain_with_no_wait("invoice", "b"))
end)

clock_test("a block that lost its lease raises, unless it raised itself", function()
    local locks = harness.open()
    leaselock.testing.clock_start()
    local function lose(message)
        local _ <close> = assert(locks:obtain("invoice", "a"))
        leaselock.testing.clock_advance(30)
        local _ <close> = assert(locks:obtain_with_no_wait("invoice", "b"))
        if message then
            error(message)
        end
    end
    local raised = harness.raises('LOST: "invoice"', lose)
    equal(raised:find("LOST", 1, true), 1)
    harness.raises("the block's own", lose, "the block's own")
end)

clock_test("a lease released by hand, or one that nobody took, is no loss", function()
    local locks = harness.open()
    leaselock.testing.clock_start()
    do
        local lease <close> = assert(locks:obtain("invoice", "a"))
        assert(lease:release())
    end
    do
        local lease <close> = assert(locks:obtain("invoice", "a"))
        leaselock.testing.clock_advance(31)
        equal(lease:state(), "EXPIRED")
    end
end)

test("a busy obtain leaves nothing to close", function()
    local locks = harness.open()
    assert(locks:obtain("invoice", "a"))
    do
        local lease <close> = locks:obtain_with_no_wait("invoice", "b")
        equal(lease, nil)
    end
end)

test("a lock is closed at the end of its block, after its leases", function()
    local url = harness.new_url()
    local watcher = harness.open(nil, url)
    local outside
    do
        local locks <close> = assert(leaselock.open(url))
        local _ <close> = assert(locks:hold("invoice", "a"))
        outside = locks
    end
    fails("CLOSED", outside:list())
    assert(watcher:obtain_with_no_wait("invoice", "b"))
end)
