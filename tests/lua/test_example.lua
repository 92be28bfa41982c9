-- The example, with nothing but its URL changed.
local harness = require "harness"

harness.test("the example runs on any database", function()
    local file = assert(io.open(arg[0]:gsub("tests/lua/run%.lua$", "examples/hold.lua"), "r"))
    local text, changes = file:read("*a"):gsub("sqlite:leases%.db", (harness.new_url():gsub("%%", "%%%%")))
    file:close()
    harness.equal(changes, 1)
    local path = harness.folder .. "/hold.lua"
    file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    for sequence = 1, 2 do
        local run = assert(io.popen(("%s '%s' 2>&1"):format(harness.interpreter(), path)))
        harness.equal(run:read "*a", ("charged, fence %d\n"):format(sequence))
        run:close()
    end
end)
