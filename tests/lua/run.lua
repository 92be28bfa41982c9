-- run.lua ENGINE FOLDER: every test of this folder that suits the engine, with files in the folder. For postgresql it is run
-- by tests/postgresql/server.py.
local globals = {}
for name in pairs(_G) do
    globals[name] = true
end

package.path = arg[0]:gsub("run%.lua$", "?.lua") .. ";" .. package.path
local harness = require "harness"
harness.engine, harness.folder = arg[1], arg[2]

harness.test("loading leaves no globals behind", function()
    for name in pairs(_G) do
        harness.equal(globals[name] and name, name)
    end
end)

require "test_lock"
require "test_hold"
require "test_lease"
require "test_backoff"
require "test_misuse"
require "test_numbers"
require "test_config"
require "test_real_time"
if _VERSION == "Lua 5.4" then
    require "test_close"
end
if harness.engine ~= "memory" then
    require "test_contention"
    require "test_example"
    require "test_migrations"
end

print(("%d passed, %d failed"):format(harness.passed, harness.failed))
if harness.failed > 0 then
    os.exit(1)
end
