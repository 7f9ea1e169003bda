-- Events without a key (from servers) join the session of their person whose client was active last, if that was at most
-- 30 minutes before and the session began less than 24 hours before. Otherwise they belong to no session.
-- Only client events count as activity. If those of servers did, sessions would depend on which events share a batch.
-- Before sessions are stored: a stored end may be later than the event, and then says nothing of who was active last.
INSERT INTO in_session
WITH spans AS (
    SELECT person_id, min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM batch_events
    WHERE session_key IS NULL
    GROUP BY person_id
), stored AS (
    SELECT s.person_id, s.id, s.started_at, s.active_until, least(v.started_at, s.started_at) AS start
    FROM spans
    JOIN analytics_session s ON s.person_id = spans.person_id
        AND s.started_at <= spans.last_at
        -- Follows from the next line, as no session is longer than 24 hours. The index then skips older sessions.
        AND s.started_at > spans.first_at - interval '24 hours 30 minutes'
        AND s.active_until >= spans.first_at - interval '30 minutes'
    LEFT JOIN visit v ON v.session_id = s.id
), moments AS (
    SELECT person_id, "timestamp" AS at, NULL::timestamptz AS until, position, NULL::bigint AS session_id, NULL AS start
    FROM batch_events
    WHERE session_key IS NULL
    UNION ALL
    SELECT person_id, started_at, active_until, 0, id, start FROM stored
    UNION ALL
    SELECT e.person_id, e."timestamp", e."timestamp", e.position, v.session_id, least(s.started_at, v.started_at)
    FROM spans
    JOIN visit_event e USING (person_id)
    JOIN visit v USING (label, nth)
    LEFT JOIN stored_session s ON s.session_id = v.session_id
), latest AS (
    SELECT *,
        -- Microseconds, because an array has elements of one type only.
        max(
            CASE WHEN session_id IS NOT NULL THEN ARRAY[
                (extract(epoch FROM until) * 1000000)::bigint, (extract(epoch FROM start) * 1000000)::bigint, session_id
            ] END
        ) OVER (PARTITION BY person_id ORDER BY at, position) AS session
    FROM moments
)
SELECT position, session[3]
FROM latest, LATERAL (SELECT (extract(epoch FROM at) * 1000000)::bigint) AS event(microseconds)
WHERE session_id IS NULL
    AND event.microseconds <= session[1] + 1800000000
    AND event.microseconds < session[2] + 86400000000;
