-- Sessions of events with a key: the client's session id, or the browser or app they come from. A session ends after 30
-- minutes without events, or after 24 hours. Events that servers added to a stored session do not prolong it: it lasts
-- until `active_until`, however late its `ended_at`.
--
-- 1. An island is a run of events and stored sessions without a gap of more than 30 minutes.
-- 2. In an island, an event belongs to the last session that started before it; a late event to the first session.
-- 3. Events that do not fit into the 24 hours of that session form new ones: the first event begins one, and so does
--    each event 24 hours or more after the beginning of the one before.
INSERT INTO stored_session
WITH spans AS (
    SELECT
        project_id, person_id, session_key, by_device,
        min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM batch_events
    WHERE session_key IS NOT NULL
    GROUP BY project_id, person_id, session_key, by_device
)
SELECT spans.person_id, spans.session_key, false, s.id, s.started_at, s.active_until, s.ended_at
FROM spans
JOIN analytics_session s ON s.project_id = spans.project_id AND s.client_id = spans.session_key
    AND s.person_id = spans.person_id
    AND s.device_id IS NULL
    AND s.started_at <= spans.last_at + interval '30 minutes'
    AND s.active_until >= spans.first_at - interval '30 minutes'
WHERE NOT spans.by_device
UNION ALL
SELECT spans.person_id, spans.session_key, true, s.id, s.started_at, s.active_until, s.ended_at
FROM spans
JOIN analytics_session s ON s.person_id = spans.person_id AND s.device_id = spans.session_key
    AND s.started_at <= spans.last_at + interval '30 minutes'
    -- Follows from the next line, as no session is longer than 24 hours. The index then skips older sessions.
    AND s.started_at > spans.first_at - interval '24 hours 30 minutes'
    AND s.active_until >= spans.first_at - interval '30 minutes'
WHERE spans.by_device;

-- Where a second session could begin in the middle of a half hour, every moment counts on its own.
UPDATE batch_events e SET half_hour = e."timestamp"
FROM (
    SELECT person_id, session_key, by_device
    FROM stored_session
    GROUP BY person_id, session_key, by_device
    HAVING count(*) > 1
) AS crowded
WHERE e.person_id = crowded.person_id AND e.session_key = crowded.session_key AND e.by_device = crowded.by_device;

INSERT INTO stretch
SELECT
    person_id, session_key, by_device, half_hour,
    min("timestamp") AS at, max("timestamp") AS until, min(position) AS first_position
FROM batch_events
WHERE session_key IS NOT NULL
GROUP BY person_id, session_key, by_device, half_hour;

INSERT INTO run
WITH moments AS (
    SELECT
        person_id, session_key, by_device, half_hour, at, until, first_position,
        NULL::bigint AS session_id, NULL::timestamptz AS ended_at
    FROM stretch
    UNION ALL
    SELECT person_id, session_key, by_device, NULL, started_at, active_until, 0, session_id, ended_at FROM stored_session
), gaps AS (
    SELECT *, at > max(until) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        + interval '30 minutes' AS begins
    FROM moments
    WINDOW earlier AS (PARTITION BY person_id, session_key, by_device ORDER BY at, first_position)
), islands AS (
    SELECT *,
        count(*) FILTER (WHERE begins) OVER (
            PARTITION BY person_id, session_key, by_device ORDER BY at, first_position
        ) AS island
    FROM gaps
), runs AS (
    SELECT *,
        greatest(
            count(session_id) OVER (island ORDER BY at, first_position),
            least(1, count(session_id) OVER island)
        ) AS run
    FROM islands
    WINDOW island AS (PARTITION BY person_id, session_key, by_device, island)
), based AS (
    SELECT *,
        min(first_position) FILTER (WHERE session_id IS NULL) OVER run AS label,
        min(at) FILTER (WHERE session_id IS NULL) OVER run AS first_at,
        max(until) FILTER (WHERE session_id IS NULL) OVER run AS last_at,
        max(session_id) OVER run AS base,
        max(at) FILTER (WHERE session_id IS NOT NULL) OVER run AS base_start,
        max(ended_at) OVER run AS base_end
    FROM runs
    WINDOW run AS (PARTITION BY person_id, session_key, by_device, island, run)
)
SELECT
    person_id, session_key, by_device, half_hour, label, base, base_start, base_end,
    last_at >= least(base_start, first_at) + interval '24 hours'
        OR coalesce(first_at <= base_end - interval '24 hours', false) AS is_long
FROM based
WHERE session_id IS NULL;

INSERT INTO long_event
SELECT r.label, e."timestamp"
FROM run r
JOIN batch_events e USING (person_id, session_key, by_device, half_hour)
WHERE r.is_long;

-- Late events move the start of a session back only while its end stays within 24 hours of it. Earlier ones form
-- sessions before it (negative numbers).
INSERT INTO cut
WITH RECURSIVE chains AS (
    SELECT
        r.label, 0 AS nth, 1 AS step,
        least(
            min(r.base_start),
            min(e.at) FILTER (WHERE r.base IS NULL OR e.at > r.base_end - interval '24 hours')
        ) AS start,
        'infinity'::timestamptz AS bound
    FROM (SELECT DISTINCT label, base, base_start, base_end FROM run WHERE is_long) AS r
    JOIN long_event e USING (label)
    GROUP BY r.label
    UNION ALL
    SELECT r.label, -1, -1, min(e.at), min(r.base_end) - interval '24 hours' + interval '1 microsecond'
    FROM (SELECT DISTINCT label, base_end FROM run WHERE is_long) AS r
    JOIN long_event e ON e.label = r.label AND e.at <= r.base_end - interval '24 hours'
    GROUP BY r.label
), cuts AS (
    SELECT label, nth, step, start, least(start + interval '24 hours', bound) AS until, bound FROM chains
    UNION ALL
    SELECT c.label, c.nth + c.step, c.step, following.at, least(following.at + interval '24 hours', c.bound), c.bound
    FROM cuts c
    CROSS JOIN LATERAL (
        SELECT e.at FROM long_event e
        WHERE e.label = c.label AND e.at >= c.until AND e.at < c.bound
        ORDER BY e.at
        LIMIT 1
    ) AS following
)
SELECT label, nth, start, until FROM cuts;

INSERT INTO visit_event
SELECT e.*, r.label, r.base, coalesce(c.nth, 0)
FROM batch_events e
JOIN run r USING (person_id, session_key, by_device, half_hour)
LEFT JOIN cut c ON c.label = r.label AND e."timestamp" >= c.start AND e."timestamp" < c.until;

INSERT INTO visit
SELECT
    v.*,
    v.paths[1] AS entry_path,
    v.paths[cardinality(v.paths)] AS exit_path,
    v.base IS NULL OR v.nth <> 0 AS is_new,
    CASE WHEN v.base IS NULL OR v.nth <> 0
        THEN nextval(pg_get_serial_sequence('analytics_session', 'id')) ELSE v.base
    END AS session_id
FROM (
    SELECT
        label, nth, project_id, person_id, session_key, by_device, base,
        min("timestamp") AS started_at,
        max("timestamp") AS ended_at,
        count(*) AS events,
        count(*) FILTER (WHERE pageview) AS pageviews,
        (array_agg(position ORDER BY "timestamp", position))[1] AS first_position,
        (array_agg(stored_as ORDER BY "timestamp", position))[1] AS stored_as,
        array_agg(path ORDER BY "timestamp", position) FILTER (WHERE path IS NOT NULL) AS paths
    FROM visit_event
    GROUP BY label, nth, project_id, person_id, session_key, by_device, base
) AS v;

INSERT INTO in_session
SELECT e.position, v.session_id FROM visit_event e JOIN visit v USING (label, nth);
