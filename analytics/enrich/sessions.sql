-- Sessions of events with a client session id. A session ends after 30 minutes without events, or after 24 hours.
--
-- 1. An island is a run of events and existing sessions without a gap of more than 30 minutes.
-- 2. In an island, an event belongs to the last session that started before it; a late event to the first session.
-- 3. Events more than 24 hours after a session's start go to new sessions of 24 hours each.
INSERT INTO stretch
SELECT
    project_id, person_id, client_session, half_hour,
    min("timestamp") AS at, max("timestamp") AS until, min(position) AS first_position
FROM batch_events
WHERE client_session IS NOT NULL
GROUP BY project_id, person_id, client_session, half_hour;

INSERT INTO run
WITH spans AS (
    SELECT project_id, person_id, client_session, min(at) AS first_at, max(until) AS last_at
    FROM stretch
    GROUP BY project_id, person_id, client_session
), moments AS (
    SELECT person_id, client_session, half_hour, at, until, first_position, NULL::bigint AS session_id FROM stretch
    UNION ALL
    SELECT s.person_id, s.client_id, NULL, s.started_at, s.ended_at, 0, s.id
    FROM spans
    JOIN analytics_session s ON s.project_id = spans.project_id AND s.client_id = spans.client_session
        AND s.person_id = spans.person_id
        AND s.started_at <= spans.last_at + interval '30 minutes'
        AND s.ended_at >= spans.first_at - interval '30 minutes'
), gaps AS (
    SELECT *, at > max(until) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        + interval '30 minutes' AS begins
    FROM moments
    WINDOW earlier AS (PARTITION BY person_id, client_session ORDER BY at, first_position)
), islands AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY person_id, client_session ORDER BY at, first_position)
        AS island
    FROM gaps
), runs AS (
    SELECT *,
        greatest(
            count(session_id) OVER (island ORDER BY at, first_position),
            least(1, count(session_id) OVER island)
        ) AS run
    FROM islands
    WINDOW island AS (PARTITION BY person_id, client_session, island)
), based AS (
    SELECT *,
        min(first_position) FILTER (WHERE session_id IS NULL) OVER run AS label,
        max(session_id) OVER run AS base,
        max(at) FILTER (WHERE session_id IS NOT NULL) OVER run AS base_start,
        max(until) FILTER (WHERE session_id IS NOT NULL) OVER run AS base_end
    FROM runs
    WINDOW run AS (PARTITION BY person_id, client_session, island, run)
)
SELECT
    person_id, client_session, half_hour, session_id, base, label,
    -- Late events move a session's start back only while its end stays within 24 hours of it.
    CASE WHEN base IS NULL THEN min(at) OVER run
         ELSE least(base_start, min(at) FILTER (WHERE at > base_end - interval '24 hours') OVER run)
    END AS start
FROM based
WINDOW run AS (PARTITION BY person_id, client_session, island, run);

INSERT INTO visit_event
SELECT
    p.*, r.label, r.base,
    CASE WHEN p."timestamp" >= r.start AND p."timestamp" < r.start + interval '24 hours' THEN 0
         ELSE floor(extract(epoch FROM p."timestamp" - r.start) / 86400)::integer
    END AS chunk
FROM batch_events p
JOIN run r USING (person_id, client_session, half_hour)
WHERE r.session_id IS NULL;

INSERT INTO visit
SELECT
    v.*,
    v.paths[1] AS entry_path,
    v.paths[cardinality(v.paths)] AS exit_path,
    v.base IS NULL OR v.chunk <> 0 AS is_new,
    CASE WHEN v.base IS NULL OR v.chunk <> 0
        THEN nextval(pg_get_serial_sequence('analytics_session', 'id')) ELSE v.base
    END AS session_id
FROM (
    SELECT
        label, chunk, project_id, person_id, client_session, base,
        min("timestamp") AS started_at,
        max("timestamp") AS ended_at,
        count(*) AS events,
        count(*) FILTER (WHERE pageview) AS pageviews,
        (array_agg(position ORDER BY "timestamp", position))[1] AS first_position,
        (array_agg(stored_as ORDER BY "timestamp", position))[1] AS stored_as,
        array_agg(path ORDER BY "timestamp", position) FILTER (WHERE path IS NOT NULL) AS paths
    FROM visit_event
    GROUP BY label, chunk, project_id, person_id, client_session, base
) AS v;
