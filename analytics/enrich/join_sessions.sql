-- Events without a key (from servers) join the session of their person that was active last, if that was at most 30
-- minutes before, and extend it up to 24 hours. Otherwise they belong to no session.
-- Before sessions are stored: a stored end may be later than the event, and then says nothing of who was active last.
INSERT INTO in_session
WITH spans AS (
    SELECT person_id, min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM batch_events
    WHERE session_key IS NULL
    GROUP BY person_id
), stored AS (
    SELECT s.person_id, s.id, s.started_at, s.ended_at, least(v.started_at, s.started_at) AS start
    FROM spans
    JOIN analytics_session s ON s.person_id = spans.person_id
        AND s.started_at <= spans.last_at
        -- Follows from the next line, as no session is longer than 24 hours. The index then skips older sessions.
        AND s.started_at > spans.first_at - interval '24 hours 30 minutes'
        AND s.ended_at >= spans.first_at - interval '30 minutes'
    LEFT JOIN visit v ON v.session_id = s.id
), moments AS (
    SELECT person_id, "timestamp" AS at, "timestamp" AS until, position, NULL::bigint AS session_id, NULL AS start
    FROM batch_events
    WHERE session_key IS NULL
    UNION ALL
    SELECT person_id, started_at, ended_at, 0, id, start FROM stored
    UNION ALL
    SELECT e.person_id, e."timestamp", e."timestamp", e.position, v.session_id, least(s.started_at, v.started_at)
    FROM spans
    JOIN visit_event e USING (person_id)
    JOIN visit v USING (label, nth)
    LEFT JOIN stored_session s ON s.session_id = v.session_id
), gaps AS (
    SELECT *, at > max(until) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        + interval '30 minutes' AS begins
    FROM moments
    WINDOW earlier AS (PARTITION BY person_id ORDER BY at, position)
), islands AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY person_id ORDER BY at, position) AS island FROM gaps
), latest AS (
    SELECT *,
        -- Microseconds, because an array has elements of one type only.
        max(
            CASE WHEN session_id IS NOT NULL THEN ARRAY[
                (extract(epoch FROM until) * 1000000)::bigint, (extract(epoch FROM start) * 1000000)::bigint, session_id
            ] END
        ) OVER (PARTITION BY person_id, island ORDER BY at, position) AS session
    FROM islands
)
SELECT position, session[3]
FROM latest
WHERE session_id IS NULL AND (extract(epoch FROM at) * 1000000)::bigint < session[2] + 86400000000;
