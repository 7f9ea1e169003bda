-- Events without a session id (from servers) join their person's session if it was active within 30 minutes, and
-- extend it like any other event, up to 24 hours. Otherwise they belong to no session.
WITH spans AS (
    SELECT person_id, min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM batch_events
    WHERE client_session IS NULL
    GROUP BY person_id
), moments AS (
    SELECT person_id, "timestamp" AS at, "timestamp" AS until, position, NULL::bigint AS session_id, NULL AS began
    FROM batch_events
    WHERE client_session IS NULL
    UNION ALL
    SELECT s.person_id, s.started_at, s.ended_at, 0, s.id, s.started_at
    FROM spans
    JOIN analytics_session s ON s.person_id = spans.person_id
        AND s.started_at <= spans.last_at
        -- Follows from the next line, as no session is longer than 24 hours. The index then skips older sessions.
        AND s.started_at > spans.first_at - interval '24 hours 30 minutes'
        AND s.ended_at >= spans.first_at - interval '30 minutes'
), gaps AS (
    SELECT *, at > max(until) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        + interval '30 minutes' AS begins
    FROM moments
    WINDOW earlier AS (PARTITION BY person_id ORDER BY at, position)
), islands AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY person_id ORDER BY at, position) AS island FROM gaps
), runs AS (
    SELECT *, count(session_id) OVER (PARTITION BY person_id, island ORDER BY at, position) AS run FROM islands
), based AS (
    SELECT *,
        max(session_id) OVER (PARTITION BY person_id, island, run) AS base,
        max(began) OVER (PARTITION BY person_id, island, run) AS start
    FROM runs
)
INSERT INTO in_session
SELECT position, base
FROM based
WHERE session_id IS NULL AND base IS NOT NULL AND at < start + interval '24 hours';

UPDATE analytics_session s SET
    ended_at = greatest(s.ended_at, joined.ended_at),
    events = s.events + joined.events,
    pageviews = s.pageviews + joined.pageviews
FROM (
    SELECT i.session_id, max(p."timestamp") AS ended_at, count(*) AS events, count(*) FILTER (WHERE p.pageview) AS pageviews
    FROM in_session i
    JOIN batch_events p USING (position)
    WHERE p.client_session IS NULL
    GROUP BY i.session_id
) AS joined
WHERE s.id = joined.session_id;
