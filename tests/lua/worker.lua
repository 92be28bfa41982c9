-- worker.lua URL CLIENT ROUNDS HISTORY: takes its turns, and writes down when each began and ended.
local leaselock = require "leaselock"

local url, client, rounds, path = arg[1], arg[2], tonumber(arg[3]), arg[4]
local locks = assert(leaselock.open(url, { operation_timeout = 60 }))
local history = assert(io.open(path, "a"))

local function note(what, lease)
    history:write(("%s %s %d\n"):format(what, client, lease:sequence()))
    history:flush()
end

for _ = 1, rounds do
    assert(locks:hold("turn", client, { wait = 240 }, function(lease)
        note("enter", lease)
        note("leave", lease)
    end))
end
print("done")
