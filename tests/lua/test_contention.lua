-- Processes on one database: nobody holds what another holds, and sequences grow in the order of the grants.
local harness = require "harness"

local clients, rounds = 4, 25

harness.test("processes take turns", function()
    local url, history = harness.new_url(), harness.folder .. "/history"
    os.remove(history)
    local workers = {}
    for client = 1, clients do
        local command = ("%s '%s' '%s' worker-%d %d '%s' 2>&1"):format(harness.interpreter(),
            arg[0]:gsub("run%.lua$", "worker.lua"), url, client, rounds, history)
        workers[client] = assert(io.popen(command))
    end
    for _, worker in ipairs(workers) do
        harness.equal(worker:read("*a"), "done\n")
        worker:close()
    end
    local holder, last, grants = nil, 0, 0
    for line in io.lines(history) do
        local what, client, sequence = line:match("^(%l+) (%S+) (%d+)$")
        sequence = tonumber(sequence)
        if what == "enter" then
            harness.equal(holder, nil)
            assert(sequence > last, line)
            holder, last, grants = client, sequence, grants + 1
        else
            harness.equal(client .. sequence, holder .. last)
            holder = nil
        end
    end
    harness.equal(grants, clients * rounds)
end)
