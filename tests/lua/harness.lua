-- A test is a name and a function; what it asserts raises, and the rest of the tests go on.
local leaselock = require "leaselock"

local harness = {
    engine = "memory", -- set by run.lua
    folder = ".",
    passed = 0,
    failed = 0,
}

local opened = {}
local databases = 0
local schemas -- lines of schemas.py

-- A schema is one on PostgreSQL. No sanitizer is to be in what is started for it.
local function new_schema()
    local url = schemas and schemas:read "*l"
    if not url then
        local script = arg[0]:gsub("run%.lua$", "../postgresql/schemas.py")
        schemas = assert(io.popen("LD_PRELOAD= python3 '" .. script .. "' 100"))
        url = schemas:read "*l"
    end
    return url
end

-- The URL of a database that nobody has used.
function harness.new_url()
    if harness.engine == "postgresql" then
        return new_schema()
    end
    databases = databases + 1
    local path = ("%s/%d.db"):format(harness.folder, databases)
    if harness.engine ~= "sqlite" then
        return harness.engine .. ":" .. path
    end
    for _, ending in ipairs { "", "-wal", "-shm" } do
        os.remove(path .. ending)
    end
    return "sqlite:" .. path
end

-- A lock that is closed when the test ends, on a database of its own or on the one given.
function harness.open(options, url)
    local locks = assert(leaselock.open(url or harness.new_url(), options))
    opened[#opened + 1] = locks
    return locks
end

-- Leaves the lock that was opened last to the test.
function harness.forget()
    opened[#opened] = nil
end

function harness.test(name, body)
    local ok, message = xpcall(body, debug.traceback)
    leaselock.testing.clock_stop()
    for at = #opened, 1, -1 do
        opened[at]:close()
        opened[at] = nil
    end
    if ok then
        harness.passed = harness.passed + 1
    else
        harness.failed = harness.failed + 1
        print(("FAILED %s: %s"):format(name, tostring(message)))
    end
end

-- A test that moves the clock. The time of PostgreSQL is its server's.
function harness.clock_test(name, body)
    if harness.engine ~= "postgresql" then
        harness.test(name, body)
    end
end

local function show(value)
    return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

function harness.equal(got, expected)
    if got ~= expected then
        error(("got %s, expected %s"):format(show(got), show(expected)), 2)
    end
end

function harness.near(got, expected, tolerance)
    if type(got) ~= "number" or math.abs(got - expected) > tolerance then
        error(("got %s, expected %s give or take %s"):format(show(got), show(expected), show(tolerance)), 2)
    end
end

-- The results of a call that has to fail in use: nil, "NAME: message", "NAME", details. Returns message and details.
function harness.fails(expected, result, message, name, details)
    local right = result == nil and name == expected and message:find(expected .. ": ", 1, true) == 1
    if not right or type(details) ~= "table" then
        error(("got %s, %s, %s; expected nil and %s"):format(show(result), show(message), show(name), expected), 2)
    end
    return message, details
end

-- The program that runs this.
function harness.interpreter()
    local at = 0
    while arg[at - 1] do
        at = at - 1
    end
    return arg[at]
end

-- Asks again and again for what another thread has to do; only a hang takes as long as this waits.
function harness.eventually(condition)
    local give_up = os.time() + 30
    while not condition() do
        if os.time() > give_up then
            error("it never came true", 2)
        end
        os.execute "sleep 0.01"
    end
end

-- The call has to raise: a string that has `part` in it, or the very value. Returns what was raised.
function harness.raises(part, body, ...)
    local ok, raised = pcall(body, ...)
    if ok then
        error("nothing was raised, expected " .. show(part), 2)
    end
    local texts = type(raised) == "string" and type(part) == "string"
    if raised ~= part and not (texts and raised:find(part, 1, true)) then
        error(("raised %s, expected %s"):format(show(raised), show(part)), 2)
    end
    return raised
end

return harness
