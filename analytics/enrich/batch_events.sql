INSERT INTO batch_events
SELECT
    c.position, c.project_id, c."timestamp",
    coalesce(left(c.client_session, 200), c.device_id) AS session_key,
    c.client_session IS NULL AND c.device_id IS NOT NULL AS by_device,
    date_bin('30 minutes', c."timestamp", 'epoch') AS half_hour,
    c.event = %(pageview)s AS pageview,
    c.path,
    m.person_id, m.stored_as
FROM claimed c
JOIN batch_ids m USING (project_id, distinct_id)
-- Their id may be known from a later event of the batch.
WHERE NOT EXISTS (SELECT FROM unattributed u WHERE u.position = c.position);
