-- The working tables of a batch. COMMIT empties them. They are created once per connection, because creating and
-- dropping a dozen tables takes longer than the rest of a one-event batch.
CREATE TEMPORARY TABLE claimed (LIKE analytics_inbox, links boolean, names_user boolean, sets_properties boolean)
    ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE dropped ("position" bigint, outcome text, reason text) ON COMMIT DELETE ROWS;

-- The events of the batch that are nobody's.
CREATE TEMPORARY TABLE unattributed ("position" bigint) ON COMMIT DELETE ROWS;

-- Every distinct id of the batch once, with its person.
CREATE TEMPORARY TABLE batch_ids (
    project_id integer, distinct_id text, events bigint, first_seen timestamptz, last_seen timestamptz,
    first_position bigint, user_position bigint, is_new boolean, was_user boolean, person_id bigint, stored_as bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE agent (user_agent text, browser text, os text, device text) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE place (ip text, country text) ON COMMIT DELETE ROWS;

-- Every event of the batch with its person, without the wide columns.
-- session_key  the client's session id, or (`by_device`) the browser's or app's own id; null for events of servers
-- half_hour    events in the same half hour are always in one run, so sessions are computed over fewer rows
CREATE TEMPORARY TABLE batch_events (
    "position" bigint, project_id integer, "timestamp" timestamptz, session_key text, by_device boolean,
    half_hour timestamptz, pageview boolean, path text, person_id bigint, stored_as bigint
) ON COMMIT DELETE ROWS;

-- The stored sessions that events of the batch may continue.
CREATE TEMPORARY TABLE stored_session (
    person_id bigint, session_key text, by_device boolean, session_id bigint, started_at timestamptz,
    active_until timestamptz, ended_at timestamptz
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE stretch (
    person_id bigint, session_key text, by_device boolean, half_hour timestamptz,
    at timestamptz, until timestamptz, first_position bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE run (
    person_id bigint, session_key text, by_device boolean, half_hour timestamptz, label bigint,
    base bigint, base_start timestamptz, base_end timestamptz, is_long boolean
) ON COMMIT DELETE ROWS;

-- The events of runs that do not fit into one session, and the sessions that such a run is cut into.
CREATE TEMPORARY TABLE long_event (label bigint, at timestamptz) ON COMMIT DELETE ROWS;
CREATE INDEX ON long_event (label, at);

CREATE TEMPORARY TABLE cut (label bigint, nth integer, start timestamptz, until timestamptz) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE visit_event (LIKE batch_events, label bigint, base bigint, nth integer) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE visit (
    label bigint, nth integer, project_id integer, person_id bigint, session_key text, by_device boolean, base bigint,
    started_at timestamptz, ended_at timestamptz, events bigint, pageviews bigint, first_position bigint,
    stored_as bigint, paths text[], entry_path text, exit_path text, is_new boolean, session_id bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE in_session ("position" bigint, session_id bigint) ON COMMIT DELETE ROWS;

-- Every person of the batch once.
CREATE TEMPORARY TABLE batch_people (
    project_id integer, person_id bigint, events bigint, first_seen timestamptz, last_seen timestamptz,
    has_new_ids boolean, sessions bigint, identified boolean, properties jsonb, assertions jsonb, is_new boolean
) ON COMMIT DELETE ROWS;
