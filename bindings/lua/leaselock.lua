--[[
Leases with fencing tokens, for Lua 5.1, LuaJIT, 5.3 and 5.4.

    local leaselock = require "leaselock"
    local locks = assert(leaselock.open("sqlite:leases.db"))
    local lease = assert(locks:obtain("invoice-42", "worker-7"))
    charge(lease:sequence())
    lease:release()

What can go wrong in use is nil, "NAME: message", "NAME", details: NAME is one of C's codes ("BUSY", "LOST",
"UNAVAILABLE", …), details a table of what is known beside it (resource_id, holder, sequence, remaining, native_code,
sqlstate; file, line, column and statement of a migration or a configuration). Misuse, such as a wrong type or a string
with a NUL, is an error. Durations and times are numbers of seconds, sequences exact integers: where a Lua has no number
for one (5.1 and LuaJIT beyond 2^53), asking for it is an error.

A wait blocks the whole Lua state; Ctrl-C ends it with the error "interrupted!".
]]
local core = require "leaselock.core"

local leaselock = {}

local Lock, Lease, Backoff = core.Lock.__index, core.Lease.__index, core.Backoff.__index
local Migrations, Config, Secrets = core.Migrations.__index, core.Config.__index, core.Secrets.__index

-- A set of the options that a function knows.
local function known(...)
    local set = {}
    for _, name in ipairs { ... } do
        set[name] = true
    end
    return set
end

local no_options = {}

-- A misspelt option must not pass for its default. Level 3 is the script that called.
local function check_options(options, set)
    if options == nil then
        return no_options
    end
    if type(options) ~= "table" then
        error("options: expected table or nil, got " .. type(options), 3)
    end
    for name in pairs(options) do
        if not set[name] then
            error("options: there is no option " .. tostring(name), 3)
        end
    end
    return options
end

-- The lock ------------------------------------------------------------------------------------------------------------

local open_options = known("ttl", "client_id", "operation_timeout", "install")
local open_config_options = known("secrets")

local any_secrets -- below

--[[
The target is a URL, a configuration, or the path of one that ends in .yaml or .yml. Options with a URL: ttl (default 30),
client_id of obtains that name none ("host:pid"), operation_timeout (5), install (true; false only checks the tables). A
configuration says these itself; with one: secrets.
]]
function leaselock.open(target, options)
    if type(target) == "string" and target:find "%.ya?ml$" and not target:find "^%a[%w+.-]*:" then
        local config, message, name, details = leaselock.load_config(target)
        if not config then
            return nil, message, name, details
        end
        target = config
    end
    if type(target) == "userdata" and pcall(core.config_get, target, "db.url") then
        options = check_options(options, open_config_options)
        return core.lock_open_config(target, any_secrets(options.secrets))
    end
    options = check_options(options, open_options)
    local install = options.install == nil or options.install
    return core.lock_open(target, options.client_id, options.ttl, options.operation_timeout, install)
end

local obtain_options = known("ttl", "wait")

-- Tries again while somebody has it: after 1, 1.5 and 2.25 s, or, with `wait`, until that many seconds have passed.
function Lock:obtain(resource_id, client_id, options)
    options = check_options(options, obtain_options)
    return core.lock_obtain(self, resource_id, client_id, options.ttl, options.wait)
end

-- The backoff is one of this module's, or any object with the methods start, next (seconds, or nil at the end),
-- attempts and max_attempts. What they raise comes out of here; they cannot yield.
function Lock:obtain_with_backoff(resource_id, client_id, backoff, options)
    options = check_options(options, obtain_options)
    return core.lock_obtain_with_backoff(self, resource_id, client_id, backoff, options.ttl, options.wait)
end

local no_wait_options = known("ttl")

-- One try.
function Lock:obtain_with_no_wait(resource_id, client_id, options)
    options = check_options(options, no_wait_options)
    return core.lock_obtain_with_no_wait(self, resource_id, client_id, options.ttl)
end

Lock.renew = core.lock_renew
Lock.release = core.lock_release -- true, or false where it was not ours any more
Lock.resume = core.lock_resume -- (resource_id, client_id, sequence, acquisition): a lease that was obtained elsewhere
Lock.raise_floor = core.lock_raise_floor -- the floor now in force
Lock.interrupt = core.lock_interrupt
Lock.close = core.lock_close
Lock.client_id = core.lock_client

local list_options = known("resource_id", "all")

-- An array of tables. Options: resource_id (that one only, held or not), all (also what is released or expired).
function Lock:list(options)
    options = check_options(options, list_options)
    local listing, message, name, details = core.lock_list(self, options.resource_id, options.all)
    if not listing then
        return nil, message, name, details
    end
    local leases = {}
    for at = 0, core.listing_count(listing) - 1 do
        leases[at + 1] = {
            resource_id = core.listing_resource(listing, at),
            client_id = core.listing_client(listing, at),
            sequence = core.listing_sequence(listing, at),
            state = core.listing_state(listing, at),
            ttl = core.listing_ttl(listing, at),
            remaining = core.listing_remaining(listing, at),
            expiry = core.listing_expiry(listing, at),
        }
    end
    return leases
end

-- The lease -----------------------------------------------------------------------------------------------------------

Lease.resource_id = core.lease_resource
Lease.client_id = core.lease_client
Lease.sequence = core.lease_sequence
Lease.acquisition = core.lease_acquisition
Lease.ttl = core.lease_ttl
Lease.expiry = core.lease_expiry -- seconds since 1970 UTC by the engine's clock
Lease.state = core.lease_state -- "HELD", "UNKNOWN", "LOST", "EXPIRED", "RELEASED", "FORKED"
Lease.valid = core.lease_valid
Lease.remaining = core.lease_remaining
Lease.lost_to = core.lease_lost_to
Lease.renew = core.lease_renew
Lease.release = core.lease_release
Lease.keep = core.lease_keep -- renewed from now on, by a thread of the library
Lease.wait = core.lease_wait -- ([timeout]): until it is no longer valid; the state then

-- The end of a lease's block. A lease that was lost meanwhile is a failure. An engine out of reach is none while the
-- lease is valid: it ends by its ttl.
local function give_back(lease)
    if core.lease_state(lease) == "RELEASED" then
        return true
    end
    local valid = core.lease_valid(lease)
    local released, message, name, details = core.lease_release(lease)
    if released == false then
        local resource_id = core.lease_resource(lease)
        message = ('LOST: "%s" was lost before its block ended'):format(resource_id)
        return nil, message, "LOST", { resource_id = resource_id, holder = core.lease_lost_to(lease) }
    elseif not released and not valid then
        return nil, message, name, details
    end
    return true
end

local function after_body(lease, ok, ...)
    local given_back, message, name, details = give_back(lease)
    if not ok then
        error((...), 0)
    elseif not given_back then
        return nil, message, name, details
    end
    return true, ...
end

--[[
Obtains a lease that is kept (renewed in the background) until it is given back. Two forms:

    local lease <close> = assert(locks:hold("invoice-42", "worker-7"))              -- Lua 5.4
    assert(locks:hold("invoice-42", "worker-7", function(lease) … end))             -- every Lua

The second calls the function and returns true and its results. It raises what the function raised, and answers "LOST"
where the lease was lost before the function had ended. (A block of <close> raises that, unless it raised itself.)
Options, before the function, are those of obtain.
]]
function Lock:hold(resource_id, client_id, options, body)
    if type(options) == "function" and body == nil then
        options, body = nil, options
    end
    options = check_options(options, obtain_options)
    if body ~= nil and type(body) ~= "function" then
        error("body: expected function or nil, got " .. type(body), 2)
    end
    local lease, message, name, details = core.lock_obtain(self, resource_id, client_id, options.ttl, options.wait)
    if not lease then
        return nil, message, name, details
    end
    local kept
    kept, message, name, details = core.lease_keep(lease)
    if not kept then
        core.lease_release(lease)
        return nil, message, name, details
    elseif body == nil then
        return lease
    end
    return after_body(lease, pcall(body, lease))
end

-- `local lease <close>`: an error of the block goes before the loss of its lease.
function core.Lease.__close(lease, block_error)
    local given_back, message = give_back(lease)
    if not given_back and block_error == nil then
        error(message, 0)
    end
end

function core.Lock.__close(lock)
    core.lock_close(lock)
end

function core.Lease.__tostring(lease)
    local exact, sequence = pcall(core.lease_sequence, lease)
    sequence = exact and ("%d"):format(sequence) or "beyond 2^53"
    local resource_id, state = core.lease_resource(lease), core.lease_state(lease)
    return ('leaselock.Lease("%s", sequence %s, %s)'):format(resource_id, sequence, state)
end

function core.Lock.__tostring(lock)
    return ('leaselock.Lock(client "%s")'):format(core.lock_client(lock))
end

-- Backoffs ------------------------------------------------------------------------------------------------------------

-- 3 attempts after the first try: 1, 1.5 and 2.25 s.
leaselock.new_backoff = core.backoff_new_default

local exponential_options = known("max_attempts", "initial_interval", "multiplier")

-- Options: max_attempts (3), initial_interval (1.0), multiplier (1.5).
function leaselock.exponential_backoff(options)
    options = check_options(options, exponential_options)
    local max_attempts, initial_interval = options.max_attempts or 3, options.initial_interval or 1
    return core.backoff_new_exponential(max_attempts, initial_interval, options.multiplier or 1.5)
end

Backoff.start = core.backoff_start
Backoff.attempts = core.backoff_attempts
Backoff.max_attempts = core.backoff_max_attempts

-- Seconds, or nil at the end.
function Backoff:next()
    local ms = assert(core.backoff_next(self))
    if ms >= 0 then
        return ms / 1000
    end
end

-- Configuration and secrets -------------------------------------------------------------------------------------------

-- What a message about a file begins with.
local function placed(name, config, message, code, details)
    if not config and code == "CONFIG" then
        local prefix = "CONFIG: " .. name .. ":"
        local line = message:sub(1, #prefix) == prefix and message:match("^(%d+): ", #prefix + 1)
        if line then
            details.file, details.line = name, tonumber(line)
        end
    end
    return config, message, code, details
end

-- Reads a YAML file. A "CONFIG" failure has file and line in its details.
function leaselock.load_config(path)
    return placed(path, core.config_load(path))
end

-- The same for a text, which messages call `name` ("config").
function leaselock.parse_config(text, name)
    name = name or "config"
    return placed(name, core.config_parse(text, name))
end

-- What was made, with the table's values set; or the failure of either.
local function with_values(values, set, made, ...)
    for key, value in pairs(made and values or no_options) do
        local done, message, name, details = set(made, key, value)
        if not done then
            return nil, message, name, details
        end
    end
    return made, ...
end

-- All defaults, except for the table's values: { ["db.url"] = "sqlite:app.db" }.
function leaselock.new_config(values)
    return with_values(values, Config.set, core.config_new())
end

-- A value as text, its default where it is not set, nil where there is neither.
Config.get = core.config_get

function Config:set(key, value)
    return core.config_set(self, key, type(value) == "number" and tostring(value) or value)
end

-- The names of all keys.
function leaselock.config_keys()
    local keys = {}
    local key = core.config_key(0)
    while key do
        keys[#keys + 1] = key
        key = core.config_key(#keys)
    end
    return keys
end

-- Secrets are also, wherever they are taken: a table from name to value, or a function that gives the value of a name or
-- nil. What the function raises comes out; it cannot yield.
function leaselock.static_secrets(values)
    return with_values(values, core.secrets_set, core.secrets_new_static())
end

leaselock.environment_secrets = core.secrets_new_environment
leaselock.directory_secrets = core.secrets_new_directory -- one file for each; nil is /run/secrets
Secrets.get = core.secrets_get

function any_secrets(secrets)
    return type(secrets) == "table" and assert(leaselock.static_secrets(secrets)) or secrets
end

-- Migrations ----------------------------------------------------------------------------------------------------------

local migrations_options = known("table", "wait", "progress")

local function check_migrations_options(options)
    options = check_options(options, migrations_options)
    if options.progress ~= nil and type(options.progress) ~= "function" then
        error("progress: expected function or nil, got " .. type(options.progress), 3)
    end
    return options
end

local result_of -- below

-- The function stays with the handle; a result of C's is gone when it returns, so it gets a copy.
local function follow(options, migrations, ...)
    local progress = options.progress
    if migrations and progress then
        core.handle_keep(migrations, function(so_far)
            progress(result_of(so_far))
        end)
    end
    return migrations, ...
end

--[[
Golang-migrate's files, run on a database. The source is a directory, or a table from what would be a file's name to its
statements. Options: table (the version table), wait (seconds for other runners), progress.

progress is a function that is called after each migration that was run, with the result so far, whose kind is
"RUNNING". Of these migrations it may only call stop. What it raises stops the run: no further migration begins, those
that were run stay applied, and it comes out of the run. It cannot yield.
]]
function leaselock.migrations(url, source, options)
    options = check_migrations_options(options)
    if type(source) ~= "table" then
        return follow(options, core.migrations_open_directory(url, source, options.table, options.wait))
    end
    local list, message, name, details = core.migration_source_new()
    for file, body in pairs(list and source or no_options) do
        local added
        added, message, name, details = core.migration_source_add(list, file, body)
        if not added then
            return nil, message, name, details
        end
    end
    if not list then
        return nil, message, name, details
    end
    return follow(options, core.migrations_open_source(url, list, options.table, options.wait))
end

-- The folder db.migrations of a configuration, on its database.
function leaselock.db_migrations(config, secrets, options)
    options = check_migrations_options(options)
    return follow(options, core.migrations_open(config, any_secrets(secrets), options.table, options.wait))
end

-- What a run did: kind ("DONE", "NO_CHANGE", "SHORT", "STOPPED"), from_version and to_version (nil: none), dirty (it
-- was stopped, and left the database so), missing (steps), applied (an array of what was run, in that order).
function result_of(handle)
    local result = {
        kind = core.migration_result_kind(handle),
        from_version = core.migration_result_from(handle),
        to_version = core.migration_result_to(handle),
        dirty = core.migration_result_dirty(handle),
        missing = core.migration_result_missing(handle),
        applied = {},
    }
    for at = 0, core.migration_result_count(handle) - 1 do
        local file = core.migration_result_file(handle, at)
        result.applied[at + 1] = {
            version = core.migration_result_version(handle, at),
            title = core.migration_result_title(handle, at),
            file = file ~= "" and file or nil, -- nil: there is none for this direction, and only the version moved
            is_up = core.migration_result_is_up(handle, at),
            duration = core.migration_result_duration(handle, at),
        }
    end
    return result
end

-- The place of a failure goes to its details, as far as it is known.
local function after_run(migrations, handle, message, name, details)
    if handle then
        return result_of(handle)
    elseif name == "MIGRATION_FAILED" or name == "BAD_MIGRATION" then
        local file, line = core.migrations_failed_file(migrations), core.migrations_failed_line(migrations)
        details.file = file ~= "" and file or nil
        if line > 0 then
            details.line, details.column = line, core.migrations_failed_column(migrations)
            details.statement = core.migrations_failed_text(migrations)
        end
    end
    return nil, message, name, details
end

function Migrations:up()
    return after_run(self, core.migrations_up(self, core.handle_kept(self)))
end

function Migrations:down()
    return after_run(self, core.migrations_down(self, core.handle_kept(self)))
end

-- The next ones, or, below 0, the last ones back.
function Migrations:steps(count)
    return after_run(self, core.migrations_steps(self, count, core.handle_kept(self)))
end

-- Up or down to that version. (goto is a word of the language.)
function Migrations:go_to(version)
    return after_run(self, core.migrations_goto(self, version, core.handle_kept(self)))
end

-- Writes the version, false for none, and runs nothing.
function Migrations:force(version)
    return after_run(self, core.migrations_force(self, version == false and -1 or version))
end

function Migrations:drop()
    return after_run(self, core.migrations_drop(self))
end

Migrations.version = core.migrations_version -- false where nothing is applied
Migrations.dirty = core.migrations_dirty
Migrations.stop = core.migrations_stop -- ([now]): the next run, where none is in progress
Migrations.close = core.migrations_close

-- version (nil: none), dirty, migrations (an array of all), pending (an array of those).
function Migrations:status()
    local listing, message, name, details = core.migrations_status(self)
    if not listing then
        return nil, message, name, details
    end
    local status = {
        version = core.migration_listing_current(listing),
        dirty = core.migration_listing_dirty(listing),
        migrations = {},
        pending = {},
    }
    for at = 0, core.migration_listing_count(listing) - 1 do
        local entry = {
            version = core.migration_listing_version(listing, at),
            title = core.migration_listing_title(listing, at),
            state = core.migration_listing_state(listing, at), -- "APPLIED", "PENDING", "MISSING"
            has_up = core.migration_listing_has_up(listing, at),
            has_down = core.migration_listing_has_down(listing, at),
        }
        status.migrations[at + 1] = entry
        if entry.state == "PENDING" then
            table.insert(status.pending, entry)
        end
    end
    return status
end

function core.Migrations.__close(migrations)
    core.migrations_close(migrations)
end

-- True for "DONE" and "NO_CHANGE" only.
function leaselock.migration_succeeded(result)
    return result ~= nil and (result.kind == "DONE" or result.kind == "NO_CHANGE")
end

local create_options = known("numbering", "digits", "extension")

--[[
Creates two empty files for a new migration, up and down, and the directory where it is missing. The result has their
names and their version. Options: numbering ("sequence": the highest version and 1; "time": 20060102150405, UTC;
"unix"), digits of a sequence (6), extension ("sql").
]]
function leaselock.create_migration(directory, title, options)
    options = check_options(options, create_options)
    local numbering, extension = options.numbering or "sequence", options.extension or "sql"
    local digits = options.digits or 6
    local handle, message, name, details = core.migrations_create(directory, title, numbering, digits, extension)
    if not handle then
        return nil, message, name, details
    end
    return result_of(handle)
end

-- The rest ------------------------------------------------------------------------------------------------------------

leaselock.version = core.version

local function to_ms(seconds)
    return math.floor(seconds * 1000 + 0.5)
end

--[[
A clock for tests of scripts, of the whole process: it stands still until it is told to move, and every pause of an
obtain moves it by its own length instead of sleeping.
]]
leaselock.testing = {
    clock_start = function(boot, wall)
        core.test_clock_start(to_ms(boot or 1000), to_ms(wall or 1700000000))
    end,
    clock_advance = function(seconds)
        core.test_clock_advance(to_ms(seconds))
    end,
    clock_step_wall = function(seconds)
        core.test_clock_step_wall(to_ms(seconds))
    end,
    clock_stop = core.test_clock_stop,
}

return leaselock
