-- Configurations and secrets, and what is opened by them.
local leaselock = require "leaselock"
local harness = require "harness"
local test, equal, fails, raises = harness.test, harness.equal, harness.fails, harness.raises

local function written(name, text)
    local path = harness.folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
end

test("a configuration has defaults, and takes values", function()
    local config = assert(leaselock.new_config { ["lock.ttl"] = 7, ["db.host"] = "a" })
    equal(config:get "lock.ttl", "7")
    equal(config:get "db.port", "5432")
    equal(config:get "db.url", nil)
    equal(config:get "db.prot", nil)
    local message, details = fails("CONFIG", config:set("db.prot", 1))
    equal(message:find("db.prot", 1, true) ~= nil, true)
    equal(details.file, nil)
    fails("CONFIG", leaselock.new_config { ["db.port"] = "many" })
    local keys = leaselock.config_keys()
    equal(#keys, 10)
    equal(keys[1], "db.url")
    raises("expected leaselock.Config", config.get, {}, "db.url")
end)

test("a failure of a configuration names file and line", function()
    local path = written("bad.yaml", "db:\n  host: a\n  prot: 1\n")
    for _, call in ipairs { leaselock.load_config, leaselock.open } do
        local message, details = fails("CONFIG", call(path))
        equal(message:find(path .. ":3: ", 1, true) ~= nil, true)
        equal(details.file, path)
        equal(details.line, 3)
    end
    local _, details = fails("CONFIG", leaselock.parse_config("db:\n  port: many\n", "the text"))
    equal(details.file, "the text")
    equal(details.line, 2)
    fails("NOT_FOUND", leaselock.open "no/such/file.yaml")
end)

test("a lock is opened by a configuration or its path", function()
    local url = harness.new_url()
    local text = ("db: {url: '%s'}\nlock: {ttl: 7, client_id: from-file}\n"):format(url)
    for _, target in ipairs { written("good.yaml", text), assert(leaselock.parse_config(text)) } do
        local locks = harness.open(nil, target)
        local lease = assert(locks:obtain_with_no_wait "invoice")
        equal(lease:ttl(), 7)
        equal(lease:client_id(), "from-file")
        assert(lease:release())
    end
    raises("no option ttl", leaselock.open, assert(leaselock.parse_config(text)), { ttl = 1 })
    raises("no option secrets", leaselock.open, url, { secrets = {} })
end)

test("secrets come from several places", function()
    written("A", "b\n")
    for _, secrets in ipairs {
        assert(leaselock.static_secrets { A = "b" }), assert(leaselock.directory_secrets(harness.folder)),
    } do
        equal(secrets:get "A", "b")
        fails("SECRET", secrets:get "B")
    end
    assert(assert(leaselock.environment_secrets()):get "LUA_PATH")
    assert(leaselock.directory_secrets())
end)

-- PostgreSQL where none listens: secrets are asked for.
local function server()
    return assert(leaselock.new_config { ["db.host"] = "127.0.0.1", ["db.port"] = 1, ["lock.operation"] = 1 })
end

test("a function gives secrets; what it raises comes out", function()
    local problem = {}
    local asked = {}
    local function get(name)
        asked[#asked + 1] = name
        if name == "POSTGRES_PASSWORD" then
            error(problem)
        end
        return "app"
    end
    raises(problem, leaselock.open, server(), { secrets = get })
    raises(problem, leaselock.db_migrations, server(), get)
    equal(table.concat(asked, " "), ("POSTGRES_USER POSTGRES_PASSWORD "):rep(2):sub(1, -2))
    fails("SECRET", leaselock.open(server(), { secrets = function() end }))
    for _, answer in ipairs { 7, true, "a\0b", ("x"):rep(5000) } do
        local function give()
            return answer
        end
        raises("has to give a string", leaselock.open, server(), { secrets = give })
    end
    raises("expected leaselock.Secrets, function or nil", leaselock.open, server(), { secrets = 7 })
end)

test("a password is in no failure", function()
    local secrets = { POSTGRES_USER = "app", POSTGRES_PASSWORD = "correct-horse" }
    local locks, message = leaselock.open(server(), { secrets = secrets })
    equal(locks, nil)
    equal(message:find("correct-horse", 1, true), nil)
    local config = server()
    assert(config:set("db.migrations", harness.folder))
    message = fails("UNAVAILABLE", leaselock.db_migrations(config, secrets, { wait = 0.1 }))
    equal(message:find("correct-horse", 1, true), nil)
end)
