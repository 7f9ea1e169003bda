-- Events without a person, and sessions of browsers and apps that send no session id.
-- Defaults, because processes of the release before still write rows while this runs.
ALTER TABLE analytics_inbox
    ADD COLUMN personless integer NOT NULL DEFAULT 0,
    ADD COLUMN device_id text;

ALTER TABLE analytics_event ALTER COLUMN person_id DROP NOT NULL;

-- A partition has a constraint of its own, which stays when the parent's goes (PostgreSQL 18).
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relname ~ '^analytics_event_[0-9]{8}$' AND pg_table_is_visible(oid)
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN person_id DROP NOT NULL', partition);
    END LOOP;
END $$;

-- The id of a session that a client did not name: the same whenever it is computed. A UUID of version 8 (RFC 9562),
-- because PostgreSQL has no SHA-1 for version 5.
CREATE FUNCTION analytics_session_id(project integer, device text, start timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT overlay(overlay(left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 32) PLACING '8' FROM 13) PLACING '8' FROM 17)
        ::uuid::text
    FROM (SELECT concat_ws(' ', project, (extract(epoch FROM start) * 1000000)::bigint, device)) AS named (name)
$$;
