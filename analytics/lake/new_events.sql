-- Events beyond the lake's watermark, with the lake's columns. UUIDs are 16 bytes there.
SELECT
    sequence, project_id, uuid_send(id) AS id, event, "timestamp", received_at, distinct_id, person_id, session_id,
    url, path, title, referrer, referring_domain, utm_source, utm_medium, utm_campaign, utm_term, utm_content,
    browser, os, device, country, locale, library, properties,
    -- UTC, whatever the session's time zone: enrich looks for duplicates in these partitions.
    ("timestamp" AT TIME ZONE 'UTC')::date AS day,
    to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM') AS month
FROM analytics_event
WHERE sequence > $1 AND sequence <= $2
