-- One row per resource, kept for ever: it holds the counter, and everything that decides a grant. Column names are public.
--
-- A grant locks the row FOR UPDATE before it changes it, a renewal or a release only FOR NO KEY UPDATE. So the fence's FOR KEY
-- SHARE keeps out a grant and lets a renewal through. No index has a column that changes: every update is a HOT one, and what
-- it leaves is cleared away with the next, without a vacuum.
CREATE TABLE leaselock_leases (
    resource    text COLLATE "C" NOT NULL PRIMARY KEY,
    client      text        NOT NULL DEFAULT '', -- who has it, or had it last
    sequence    bigint      NOT NULL DEFAULT 0,  -- the fencing token; only grows; 0: never granted
    acquisition uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- random, one per grant; proves ownership
    ttl_ms      bigint      NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL DEFAULT clock_timestamp(), -- held while it is ahead and released is false
    released    boolean     NOT NULL DEFAULT true,
    floor       bigint      NOT NULL DEFAULT 0 -- the next sequence is greater
) WITH (
    fillfactor = 50, -- room for the next versions on the row's own page
    autovacuum_vacuum_scale_factor = 0, -- for what an old snapshot has kept
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
-- lease that has run out and was not taken is still safe to commit under.
--
-- leaselock_lock_row(): an UPDATE of a sequence by hand, which is no grant, would slip past fences, since by itself it locks the
-- row no further than a renewal does. This adds the lock of a grant, or fails where a fence is in the way (55P03): to wait here
-- would hold up renewals.
--
-- Both are made by EXECUTE since they have to name the schema: with the caller's search_path, his own tables would be read
-- with the owner's rights.
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
    EXECUTE format(
        $create$
        CREATE FUNCTION leaselock_lock_row() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
        $body$
        BEGIN
            PERFORM FROM %1$I.leaselock_leases AS l WHERE l.resource = OLD.resource FOR UPDATE NOWAIT;
            RETURN NEW;
        END
        $body$
        $create$,
        current_schema());
END
$do$;

CREATE TRIGGER leaselock_lock_row BEFORE UPDATE OF sequence ON leaselock_leases FOR EACH ROW
    WHEN (NEW.sequence <> OLD.sequence AND (NEW.acquisition = OLD.acquisition OR NEW.released))
    EXECUTE FUNCTION leaselock_lock_row();

REVOKE ALL ON FUNCTION leaselock_fence(text, bigint) FROM PUBLIC;
