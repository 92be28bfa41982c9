-- One row per resource, kept for ever: it holds the counter. Column names are public.
CREATE TABLE leaselock_leases (
    resource      TEXT    NOT NULL PRIMARY KEY,
    client        TEXT    NOT NULL, -- who has it, or had it last
    sequence      INTEGER NOT NULL, -- the fencing token; only grows
    acquisition   TEXT    NOT NULL, -- random, one per grant; proves ownership
    ttl_ms        INTEGER NOT NULL,
    deadline_ms   INTEGER NOT NULL, -- boot clock of the machine; held while it is ahead and released is 0
    boot          INTEGER NOT NULL, -- which boot that clock belongs to: leaselock_control.boot
    expires_at_ms INTEGER NOT NULL, -- the same as wall clock, milliseconds since 1970 UTC; for people, and for the next boot
    released      INTEGER NOT NULL
) WITHOUT ROWID;

-- Every number that may have been handed out is <= ceiling, and that is on the disk before it is handed out.
-- Numbers granted from now on are > floor.
CREATE TABLE leaselock_control (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    floor   INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    boot    INTEGER NOT NULL, -- counts the boots of the machine that this database has seen
    boot_id TEXT    NOT NULL  -- the kernel's name for the last of them
);

INSERT INTO leaselock_control (id, floor, ceiling, boot, boot_id) VALUES (1, 0, 0, 0, '');
