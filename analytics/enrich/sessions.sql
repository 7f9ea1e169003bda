-- Sessions of events that carry a client's session id: cut after 30 minutes of silence and at 24 hours.
--
-- 1. An island is a run of events, and of sessions that are there already, with no gap of more than 30 minutes.
-- 2. Within it an event belongs to the session that began last before it, or to the first one (a late event).
-- 3. Of those, only what lies within 24 hours of the beginning; the rest are sessions of their own, 24 hours each.
CREATE TEMPORARY TABLE visit_event ON COMMIT DROP AS
WITH spans AS (
    SELECT project_id, person_id, client_session, min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM placed
    WHERE client_session IS NOT NULL
    GROUP BY project_id, person_id, client_session
), moments AS (
    SELECT
        person_id, client_session, "timestamp" AS at, "timestamp" AS until, sequence,
        NULL::bigint AS session_id
    FROM placed
    WHERE client_session IS NOT NULL
    UNION ALL
    SELECT s.person_id, s.client_id, s.started_at, s.ended_at, 0, s.id
    FROM spans
    JOIN analytics_session s ON s.project_id = spans.project_id AND s.client_id = spans.client_session
        AND s.person_id = spans.person_id
        AND s.started_at <= spans.last_at + interval '30 minutes'
        AND s.ended_at >= spans.first_at - interval '30 minutes'
), gaps AS (
    SELECT *, at > max(until) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        + interval '30 minutes' AS begins
    FROM moments
    WINDOW earlier AS (PARTITION BY person_id, client_session ORDER BY at, sequence)
), islands AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY person_id, client_session ORDER BY at, sequence)
        AS island
    FROM gaps
), runs AS (
    SELECT *,
        greatest(
            count(session_id) OVER (in_island ORDER BY at, sequence),
            least(1, count(session_id) OVER in_island)
        ) AS run
    FROM islands
    WINDOW in_island AS (PARTITION BY person_id, client_session, island)
), based AS (
    SELECT *,
        max(session_id) OVER run AS base,
        min(at) OVER run AS earliest,
        max(at) FILTER (WHERE session_id IS NOT NULL) OVER run AS base_start,
        max(until) FILTER (WHERE session_id IS NOT NULL) OVER run AS base_end
    FROM runs
    WINDOW run AS (PARTITION BY person_id, client_session, island, run)
), started AS (
    SELECT *,
        CASE WHEN base IS NULL THEN earliest
             ELSE least(base_start, min(at) FILTER (WHERE at > base_end - interval '24 hours') OVER run)
        END AS start
    FROM based
    WINDOW run AS (PARTITION BY person_id, client_session, island, run)
), chunks AS (
    SELECT *, floor(extract(epoch FROM at - start) / 86400)::integer AS chunk FROM started
)
SELECT
    sequence,
    min(sequence) OVER (PARTITION BY person_id, client_session, island, run, chunk) AS visit,
    CASE WHEN chunk = 0 THEN base END AS session_id
FROM chunks
WHERE session_id IS NULL;

CREATE TEMPORARY TABLE visit ON COMMIT DROP AS
SELECT
    v.*,
    v.known_session IS NULL AS is_new,
    coalesce(v.known_session, nextval(pg_get_serial_sequence('analytics_session', 'id'))) AS session_id
FROM (
    SELECT
        e.visit,
        min(e.session_id) AS known_session,
        min(p.project_id) AS project_id,
        min(p.person_id) AS person_id,
        min(p.client_session) AS client_id,
        min(p."timestamp") AS started_at,
        max(p."timestamp") AS ended_at,
        count(*) AS events,
        count(*) FILTER (WHERE p.pageview) AS pageviews,
        (array_agg(p.position ORDER BY p."timestamp", p.sequence))[1] AS first_position,
        (array_agg(p.stored_as ORDER BY p."timestamp", p.sequence))[1] AS stored_as,
        array_agg(p.position ORDER BY p."timestamp", p.sequence) FILTER (WHERE p.has_path) AS with_path
    FROM visit_event e
    JOIN placed p USING (sequence)
    GROUP BY e.visit
) AS v;

INSERT INTO analytics_session
    (id, project_id, person_id, client_id, origin_id, started_at, ended_at, events, pageviews, entry_path, exit_path,
     referring_domain, utm_source, utm_medium, utm_campaign, browser, os, device, country)
SELECT
    v.session_id, v.project_id, v.person_id, v.client_id, nullif(v.stored_as, v.person_id), v.started_at, v.ended_at,
    v.events, v.pageviews, entry.path, leave.path,
    first.referring_domain, first.utm_source, first.utm_medium, first.utm_campaign,
    a.browser, a.os, a.device, l.country
FROM visit v
JOIN analytics_inbox first ON first.position = v.first_position
LEFT JOIN analytics_inbox entry ON entry.position = v.with_path[1]
LEFT JOIN analytics_inbox leave ON leave.position = v.with_path[cardinality(v.with_path)]
LEFT JOIN agent a ON a.user_agent = first.user_agent
LEFT JOIN place l ON l.ip = first.ip
WHERE v.is_new;

UPDATE analytics_session s SET
    started_at = least(s.started_at, v.started_at),
    ended_at = greatest(s.ended_at, v.ended_at),
    events = s.events + v.events,
    pageviews = s.pageviews + v.pageviews,
    entry_path = CASE WHEN v.started_at < s.started_at OR s.entry_path IS NULL
        THEN coalesce(entry.path, s.entry_path) ELSE s.entry_path END,
    exit_path = CASE WHEN v.ended_at >= s.ended_at THEN coalesce(leave.path, s.exit_path) ELSE s.exit_path END
FROM visit v
LEFT JOIN analytics_inbox entry ON entry.position = v.with_path[1]
LEFT JOIN analytics_inbox leave ON leave.position = v.with_path[cardinality(v.with_path)]
WHERE s.id = v.session_id AND NOT v.is_new;

CREATE TEMPORARY TABLE in_session ON COMMIT DROP AS
SELECT e.sequence, v.session_id FROM visit_event e JOIN visit v USING (visit);
