-- Migrations of a database, of directories and of tables.
local leaselock = require "leaselock"
local harness = require "harness"
local test, equal, fails, raises = harness.test, harness.equal, harness.fails, harness.raises

local none = false

local function new_migrations(files, options)
    return assert(leaselock.migrations(harness.new_url(), files, options))
end

local function files_of(names)
    local files = {}
    for _, name in ipairs(names) do
        files[name] = "SELECT 1;"
    end
    return files
end

local function ran(result)
    local steps = {}
    for at, step in ipairs(result.applied) do
        steps[at] = (step.is_up and "+" or "-") .. ("%d"):format(step.version)
    end
    return table.concat(steps, " ")
end

-- golang-migrate, source/parse_test.go, and what its expression implies: name, version, title, is it an up?
local names = {
    { "1_foobar.up.sql", 1, "foobar", true },
    { "1_foobar.down.sql", 1, "foobar", false },
    { "1_f-o_ob+ar.up.sql", 1, "f-o_ob+ar", true },
    { "20170412214116_date_foobar.up.sql", 20170412214116, "date_foobar", true },
    { "0_initial.up.sql", 0, "initial", true },
    { "1_.up.sql", 1, "", true },
    { "1_a.up.down.sql", 1, "a.up", false },
    { "1_notes.up.md", 1, "notes", true },
    { "1_a.up.", 1, "a", true },
    { "-1_foobar.up.sql" },
    { "foobar.up.sql" },
    { "1.up.sql" },
    { "1_foobar.sql" },
    { "1_foobar.up" },
    { "1_foobar.down" },
    { "18446744073709551616_a.up.sql" },
    { "1_a.UP.sql" },
    { "R__name.sql" },
}

test("file names are golang-migrate's", function()
    for _, row in ipairs(names) do
        local name, version, title, is_up = row[1], row[2], row[3], row[4]
        local migrations = new_migrations { [name] = "" }
        local listing = assert(migrations:status())
        equal(#listing.migrations, version and 1 or 0)
        if version then
            local entry = listing.migrations[1]
            equal(entry.version, version)
            equal(entry.title, title)
            equal(entry.has_up, is_up)
            equal(entry.has_down, not is_up)
            equal(listing.pending[1], entry)
        end
        migrations:close()
    end
end)

-- golang-migrate's own sequence, versions 1ud 3u 4ud 5d 7ud: call, argument, kind, missing, what ran, version
local sequence = {
    { "go_to", 0, nil, 0, "", none },
    { "go_to", 2, nil, 0, "", none },
    { "go_to", 1, "DONE", 0, "+1", 1 },
    { "go_to", 5, "DONE", 0, "+3 +4 +5", 5 },
    { "go_to", 7, "DONE", 0, "+7", 7 },
    { "go_to", 6, nil, 0, "", 7 },
    { "go_to", 4, "DONE", 0, "-7 -5", 4 },
    { "go_to", 1, "DONE", 0, "-4 -3", 1 },
    { "go_to", 1, "NO_CHANGE", 0, "", 1 },
    { "down", nil, "DONE", 0, "-1", none },
    { "down", nil, "NO_CHANGE", 0, "", none },
    { "steps", 0, "NO_CHANGE", 0, "", none },
    { "steps", -1, nil, 0, "", none },
    { "steps", 4, "DONE", 0, "+1 +3 +4 +5", 5 },
    { "steps", 2, "SHORT", 1, "+7", 7 },
    { "steps", 1, nil, 0, "", 7 },
    { "steps", -4, "DONE", 0, "-7 -5 -4 -3", 1 },
    { "steps", -2, "SHORT", 1, "-1", none },
    { "up", nil, "DONE", 0, "+1 +3 +4 +5 +7", 7 },
    { "up", nil, "NO_CHANGE", 0, "", 7 },
    { "force", none, "DONE", 0, "", none },
    { "force", 3, "DONE", 0, "", 3 },
}

test("golang-migrate's own sequence", function()
    local migrations = new_migrations(files_of {
        "1_a.up.sql", "1_a.down.sql", "3_b.up.sql", "4_c.up.sql", "4_c.down.sql", "5_d.down.sql", "7_e.up.sql",
        "7_e.down.sql",
    })
    local before = none
    for _, call in ipairs(sequence) do
        local method, argument, kind, missing, steps, version = call[1], call[2], call[3], call[4], call[5], call[6]
        if kind then
            local result = assert(migrations[method](migrations, argument))
            equal(result.kind, kind)
            equal(result.missing, missing)
            equal(ran(result), steps)
            equal(result.from_version or none, before)
            equal(result.to_version or none, version)
            equal(leaselock.migration_succeeded(result), kind ~= "SHORT")
        else
            fails("NO_MIGRATION", migrations[method](migrations, argument))
        end
        equal(migrations:version(), version)
        equal(migrations:dirty(), false)
        before = version
    end
    migrations:close()
    fails("CLOSED", migrations:up())
    equal(leaselock.migration_succeeded(nil), false)
end)

test("a failure tells where", function()
    local migrations = new_migrations {
        ["1_a.up.sql"] = "CREATE TABLE a (x int);",
        ["2_b.up.sql"] = "CREATE TABLE b (x int);\n  CREATE TABEL c (x int);\n",
    }
    local message, details = fails("MIGRATION_FAILED", migrations:up())
    equal(message:find("2_b.up.sql:2:10: ", 1, true) ~= nil, true)
    equal(details.file, "2_b.up.sql")
    equal(details.line, 2)
    equal(details.column, 10)
    equal(details.statement, "  CREATE TABEL c (x int);")
    equal(migrations:version(), 1)
    migrations:close()
end)

test("a stop before a run is for the next one", function()
    local migrations = new_migrations(files_of { "1_a.up.sql" })
    assert(migrations:stop())
    equal(assert(migrations:up()).kind, "STOPPED")
    equal(assert(migrations:up()).kind, "DONE")
    migrations:close()
end)

test("a run that is stopped on a dirty database says so", function()
    local url = harness.new_url()
    local migrations = assert(leaselock.migrations(url, files_of { "1_a.up.sql", "2_b.up.sql" }))
    equal(assert(migrations:steps(1)).dirty, false)
    local spoil = { ["1_x.up.sql"] = "UPDATE schema_migrations SET dirty = true;" }
    local others = assert(leaselock.migrations(url, spoil, { table = "others" }))
    assert(others:up())
    others:close()
    assert(migrations:stop())
    local result = assert(migrations:up())
    equal(result.kind, "STOPPED")
    equal(result.dirty, true)
    equal(result.from_version, 1)
    equal(result.to_version, 1)
    migrations:close()
end)

test("drop takes another table of versions with it", function()
    local migrations = new_migrations(files_of { "1_a.up.sql" }, { table = "versions", wait = 1 })
    assert(migrations:up())
    equal(assert(migrations:drop()).kind, "DONE")
    equal(migrations:version(), none)
    migrations:close()
end)

test("versions beyond a number's exactness are an error, never rounded", function()
    local migrations = new_migrations(files_of { "9007199254740993_a.up.sql" })
    assert(migrations:stop())
    if math.type then
        equal(assert(migrations:status()).migrations[1].version, math.tointeger "9007199254740993" or 9007199254740993)
    else
        raises("beyond 2^53", migrations.status, migrations)
    end
    migrations:close()
end)

test("sources that are none", function()
    local url = harness.new_url()
    fails("NOT_FOUND", leaselock.migrations(url, "no/such/folder"))
    fails("BAD_MIGRATION", leaselock.migrations(url, { ["1_a.up.sql"] = "SELECT 1;\0" }))
    fails("DUPLICATE_MIGRATION", leaselock.migrations(url, { ["1_a.up.sql"] = "", ["01_a.up.sql"] = "" }))
    raises("expected string", leaselock.migrations, url, { ["1_a.up.sql"] = true })
    raises("expected string", leaselock.migrations, url, nil)
    raises("no option", leaselock.migrations, url, {}, { tabel = "x" })
    local migrations = new_migrations {}
    fails("NO_MIGRATION", migrations:up())
    raises("expected exact integer", migrations.force, migrations, nil)
    migrations:close()
end)

test("a configuration's folder", function()
    os.execute(("mkdir -p '%s/migrations'"):format(harness.folder))
    local file = assert(io.open(harness.folder .. "/migrations/1_a.up.sql", "w"))
    file:write "CREATE TABLE a (x int);"
    file:close()
    local config = assert(leaselock.new_config {
        ["db.url"] = harness.new_url(),
        ["db.migrations"] = harness.folder .. "/migrations",
    })
    local migrations = assert(leaselock.db_migrations(config, {}))
    equal(leaselock.migration_succeeded(assert(migrations:up())), true)
    equal(migrations:version(), 1)
    migrations:close()
end)

-- Progress ------------------------------------------------------------------------------------------------------------

local three = { "1_a.up.sql", "1_a.down.sql", "2_b.up.sql", "2_b.down.sql", "3_c.up.sql", "3_c.down.sql" }

test("each migration is told when it is done", function()
    local told = {}
    local migrations = new_migrations(files_of(three), {
        progress = function(so_far)
            told[#told + 1] = so_far
        end,
    })
    assert(migrations:up())
    equal(#told, 3)
    for at, so_far in ipairs(told) do
        equal(so_far.kind, "RUNNING")
        equal(leaselock.migration_succeeded(so_far), false)
        equal(so_far.from_version, nil)
        equal(so_far.to_version, at)
        equal(so_far.dirty, false)
        equal(#so_far.applied, at)
        equal(so_far.applied[at].file, three[2 * at - 1])
    end
    local calls = { { "steps", -1, "-3" }, { "go_to", 1, "-2" }, { "steps", 1, "+2" }, { "down", nil, "-2 -1" } }
    for _, call in ipairs(calls) do
        told = {}
        equal(ran(assert(migrations[call[1]](migrations, call[2]))), call[3])
        equal(ran(told[#told]), call[3])
    end
    migrations:close()
end)

test("what progress raises stops the run and comes out", function()
    for _, problem in ipairs { "enough", {}, 7, false } do
        for at = 1, 3 do
            local calls = 0
            local migrations = new_migrations(files_of(three), {
                progress = function(so_far)
                    calls = calls + 1
                    if so_far.to_version == at and calls == at then
                        error(problem, 0)
                    end
                end,
            })
            raises(problem, migrations.up, migrations)
            equal(migrations:version(), at)
            equal(calls, at)
            equal(assert(migrations:up()).kind, at < 3 and "DONE" or "NO_CHANGE") -- the next run is not stopped by it
            equal(calls, 3)
            migrations:close()
        end
    end
end)

test("progress cannot yield, in a coroutine or not", function()
    local migrations = new_migrations(files_of(three), { progress = coroutine.yield })
    local run = coroutine.wrap(function()
        raises("yield", migrations.up, migrations)
        return "over"
    end)
    equal(run(), "over")
    equal(migrations:version(), 1)
    raises("yield", migrations.up, migrations)
    equal(migrations:version(), 2)
    migrations:close()
end)

test("stop is all that progress may call", function()
    local migrations
    local refused = 0
    migrations = new_migrations(files_of(three), {
        progress = function()
            for _, call in ipairs { "up", "down", "drop", "version", "dirty", "status", "close" } do
                fails("INVALID", migrations[call](migrations))
                refused = refused + 1
            end
            fails("INVALID", migrations:force(1))
            fails("INVALID", migrations:go_to(1))
            fails("INVALID", migrations:steps(1))
            assert(migrations:stop())
        end,
    })
    local result = assert(migrations:up())
    equal(result.kind, "STOPPED")
    equal(result.to_version, 1)
    equal(refused, 7)
    migrations:close()
end)

test("runs of other migrations may be nested, each with its own progress", function()
    local told = {}
    local function tell(name, act)
        return function(so_far)
            told[#told + 1] = name .. ran(so_far)
            if act then
                act(so_far)
            end
        end
    end
    local inner = new_migrations(files_of(three), { progress = tell "inner " })
    local outer = new_migrations(files_of(three), {
        progress = tell("outer ", function(so_far)
            if so_far.to_version == 1 then
                assert(inner:steps(1))
            elseif so_far.to_version == 2 then
                error "of the outer one"
            end
        end),
    })
    raises("of the outer one", outer.up, outer)
    equal(table.concat(told, ", "), "outer +1, inner +1, outer +1 +2")
    equal(outer:version(), 2)
    equal(inner:version(), 1)
    outer:close()
    inner:close()
end)

test("progress in a coroutine that did not open the migrations", function()
    local told = 0
    local migrations = new_migrations(files_of(three), {
        progress = function()
            told = told + 1
            collectgarbage()
        end,
    })
    local run = coroutine.create(function()
        return assert(migrations:up()).kind
    end)
    local _, kind = coroutine.resume(run)
    equal(kind, "DONE")
    equal(told, 3)
    migrations:close()
end)

test("migrations that their progress knows are collected", function()
    local alive = setmetatable({}, { __mode = "k" })
    do
        local migrations
        migrations = new_migrations(files_of(three), {
            progress = function()
                migrations:stop()
            end,
        })
        equal(assert(migrations:up()).to_version, 1)
        migrations:close()
        alive[migrations] = true
    end
    collectgarbage()
    collectgarbage()
    equal(next(alive), nil)
end)

test("C's own result is of no use after the call", function()
    local core = require "leaselock.core"
    local kept = {}
    local migrations = new_migrations(files_of(three))
    assert(core.migrations_up(migrations, function(so_far)
        equal(core.migration_result_count(so_far), #kept + 1)
        kept[#kept + 1] = so_far
    end))
    equal(#kept, 3)
    raises("expected leaselock.MigrationResult", core.migration_result_count, kept[1])
    kept = nil
    collectgarbage()
    migrations:close()
end)

test("a function that is none", function()
    raises("progress: expected function", leaselock.migrations, harness.new_url(), {}, { progress = "x" })
    local config = assert(leaselock.new_config())
    raises("progress: expected function", leaselock.db_migrations, config, nil, { progress = {} })
    local migrations = new_migrations {}
    raises("expected function or nil", require("leaselock.core").migrations_up, migrations, 7)
    raises("expected leaselock.Migrations", getmetatable(migrations) == false and migrations.up, io.stdout)
    migrations:close()
end)

-- New files -----------------------------------------------------------------------------------------------------------

test("two empty files, and their folder", function()
    local folder = harness.new_url():gsub("^%w+:", "") .. ".migrations/deep"
    os.execute(("rm -rf '%s'"):format(folder))
    local result = assert(leaselock.create_migration(folder, "users"))
    equal(result.kind, "DONE")
    equal(result.to_version, 1)
    equal(#result.applied, 2)
    equal(result.applied[1].file, "000001_users.up.sql")
    equal(result.applied[2].file, "000001_users.down.sql")
    for _, step in ipairs(result.applied) do
        local file = assert(io.open(folder .. "/" .. step.file))
        equal(file:read "*a", "")
        file:close()
    end
    result = assert(leaselock.create_migration(folder, "x", { digits = 3, extension = ".md" }))
    equal(result.applied[1].file, "002_x.up.md")
    leaselock.testing.clock_start(1, 1700000000)
    equal(assert(leaselock.create_migration(folder, "x", { numbering = "time" })).to_version, 20231114221320)
    equal(assert(leaselock.create_migration(folder, "x", { numbering = "unix" })).to_version, 1700000000)
    fails("DUPLICATE_MIGRATION", leaselock.create_migration(folder, "y", { numbering = "unix" }))
    leaselock.testing.clock_stop()
    local migrations = assert(leaselock.migrations(harness.new_url(), folder))
    equal(#assert(migrations:status()).migrations, 4)
    migrations:close()
end)

test("what makes no file", function()
    local folder = harness.folder .. "/none"
    os.execute(("rm -rf '%s'"):format(folder))
    fails("INVALID", leaselock.create_migration(folder, ""))
    fails("INVALID", leaselock.create_migration(folder, "a/b"))
    fails("INVALID", leaselock.create_migration(folder, "a", { digits = 20 }))
    fails("INVALID", leaselock.create_migration(folder, "a", { digits = 0 }))
    fails("INVALID", leaselock.create_migration(folder, "a", { digits = 4294967302 }))
    fails("INVALID", leaselock.create_migration(folder, "a", { numbering = "random" }))
    fails("INVALID", leaselock.create_migration(folder, "a", { extension = "up.sql" }))
    raises("title: expected string", leaselock.create_migration, folder)
    raises("directory: expected string", leaselock.create_migration, nil, "a")
    raises("digits: expected exact integer", leaselock.create_migration, folder, "a", { digits = 6.5 })
    raises("no option extnsion", leaselock.create_migration, folder, "a", { extnsion = "x" })
    equal(io.open(folder .. "/."), nil)
end)
