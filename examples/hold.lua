-- Charges an invoice while no other process does.
local leaselock = require "leaselock"

local function charge(fence)
    print("charged, fence " .. fence)
end

local locks = assert(leaselock.open("sqlite:leases.db", { ttl = 30 }))
assert(locks:hold("invoice-42", "worker-7", function(lease) -- obtain, keep renewing, release
    charge(lease:sequence())
end))
locks:close()
