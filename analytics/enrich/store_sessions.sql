-- Stores the sessions of the batch: inserts new ones, extends existing ones.
INSERT INTO analytics_session
    (id, project_id, person_id, client_id, device_id, origin_id, started_at, active_until, ended_at, events, pageviews,
     entry_path, exit_path, referring_domain, utm_source, utm_medium, utm_campaign, browser, os, device, country)
SELECT
    v.session_id, v.project_id, v.person_id,
    CASE WHEN v.by_device THEN analytics_session_id(v.project_id, v.session_key, v.started_at) ELSE v.session_key END,
    CASE WHEN v.by_device THEN v.session_key END,
    nullif(v.stored_as, v.person_id), v.started_at,
    v.ended_at, v.ended_at, v.events, v.pageviews, v.entry_path, v.exit_path,
    first.referring_domain, first.utm_source, first.utm_medium, first.utm_campaign,
    a.browser, a.os, a.device, l.country
FROM visit v
JOIN claimed first ON first.position = v.first_position
LEFT JOIN agent a ON a.user_agent = first.user_agent
LEFT JOIN place l ON l.ip = first.ip
WHERE v.is_new;

UPDATE analytics_session s SET
    -- Of the earliest start, so that it is the same wherever batches end.
    client_id = CASE WHEN v.by_device AND v.started_at < s.started_at
        THEN analytics_session_id(v.project_id, v.session_key, v.started_at) ELSE s.client_id END,
    started_at = least(s.started_at, v.started_at),
    active_until = greatest(s.active_until, v.ended_at),
    ended_at = greatest(s.ended_at, v.ended_at),
    events = s.events + v.events,
    pageviews = s.pageviews + v.pageviews,
    entry_path = CASE WHEN v.started_at < s.started_at OR s.entry_path IS NULL
        THEN coalesce(v.entry_path, s.entry_path) ELSE s.entry_path END,
    exit_path = CASE WHEN v.ended_at >= s.active_until THEN coalesce(v.exit_path, s.exit_path) ELSE s.exit_path END
FROM visit v
WHERE s.id = v.session_id AND NOT v.is_new;

UPDATE analytics_session s SET
    ended_at = greatest(s.ended_at, joined.ended_at),
    events = s.events + joined.events,
    pageviews = s.pageviews + joined.pageviews
FROM (
    SELECT i.session_id, max(p."timestamp") AS ended_at, count(*) AS events, count(*) FILTER (WHERE p.pageview) AS pageviews
    FROM in_session i
    JOIN batch_events p USING (position)
    WHERE p.session_key IS NULL
    GROUP BY i.session_id
) AS joined
WHERE s.id = joined.session_id;
