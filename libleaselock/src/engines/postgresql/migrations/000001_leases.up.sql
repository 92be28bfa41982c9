-- One row per resource, kept for ever: it holds the counter, and everything that decides a grant. Column names are public.
--
-- UNIQUE (resource, sequence) makes sequence a key column: a grant, which changes it, needs the row FOR UPDATE; a renewal or a
-- release only FOR NO KEY UPDATE. So the fence's FOR KEY SHARE keeps out a grant and lets a renewal through.
CREATE TABLE leaselock_leases (
    resource    text COLLATE "C" NOT NULL PRIMARY KEY,
    client      text        NOT NULL DEFAULT '', -- who has it, or had it last
    sequence    bigint      NOT NULL DEFAULT 0,  -- the fencing token; only grows; 0: never granted
    acquisition uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- random, one per grant; proves ownership
    ttl_ms      bigint      NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL DEFAULT clock_timestamp(), -- held while it is ahead and released is false
    released    boolean     NOT NULL DEFAULT true,
    floor       bigint      NOT NULL DEFAULT 0, -- the next sequence is greater
    UNIQUE (resource, sequence)
) WITH (
    fillfactor = 50, -- room for renewals and releases on the row's own page
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);

-- The floor of rows to come; rows that are there have their own.
CREATE TABLE leaselock_control (
    id    integer NOT NULL PRIMARY KEY CHECK (id = 1),
    floor bigint  NOT NULL
);

INSERT INTO leaselock_control (id, floor) VALUES (1, 0);

-- leaselock_fence(resource, sequence): fails the transaction unless that lease is current, and lets nobody else be granted the
-- resource until the transaction has ended. It does not look at the clock: while its lock is held nobody can take over, so a
-- lease that has run out and was not taken is still safe to commit under. Made by EXECUTE since its search_path has to name
-- the schema: with the caller's, his own tables would be read with the owner's rights.
DO $do$
BEGIN
    EXECUTE format(
        $create$
        CREATE FUNCTION leaselock_fence(resource text, sequence bigint) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        $body$
        BEGIN
            PERFORM FROM %1$I.leaselock_leases AS l
              WHERE l.resource = leaselock_fence.resource AND l.sequence = leaselock_fence.sequence AND NOT l.released
                FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the lease on "%%" with sequence %% is not current',
                                leaselock_fence.resource, leaselock_fence.sequence USING ERRCODE = 'LL001';
            END IF;
        END
        $body$
        $create$,
        current_schema());
END
$do$;

REVOKE ALL ON FUNCTION leaselock_fence(text, bigint) FROM PUBLIC;
