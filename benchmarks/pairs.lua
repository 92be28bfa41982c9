-- obtain + release through the Lua binding. Prints pairs per second: pairs.lua URL SECONDS
local leaselock = require "leaselock"

local url, length = arg[1], tonumber(arg[2])
local locks = assert(leaselock.open(url))
-- Lua's own clock counts processor time; the wall clock is read from the leases' expiry
local pairs_done, first, last = 0, nil, nil
repeat
    local lease = assert(locks:obtain_with_no_wait("benchmark", "lua"))
    first = first or lease:expiry()
    last = lease:expiry()
    assert(lease:release())
    pairs_done = pairs_done + 1
until last - first >= length
print(string.format("%.1f", pairs_done / (last - first)))
locks:close()
