-- One of the three contenders of scripts/demo: holds the resource four times and notes each turn.
local leaselock = require "leaselock"

-- Lua's own clock has whole seconds: the engine's is read from what a renewal says
local function now(lease)
    assert(lease:renew())
    return lease:expiry() - lease:ttl()
end

local locks = assert(leaselock.open(os.getenv "LEASELOCK_DB", { client_id = "lua" }))
for _ = 1, 4 do
    os.execute "sleep 0.2" -- something that needs no lease, so that the others get their turn
    local lease <close> = assert(locks:obtain("the-resource", nil, { ttl = 10, wait = 60 }))
    local begin = now(lease)
    os.execute "sleep 0.15"
    local turns <close> = assert(io.open(os.getenv "TURNS", "a"))
    turns:write(string.format("lua %d %.3f %.3f\n", lease:sequence(), begin, now(lease)))
end
locks:close()
