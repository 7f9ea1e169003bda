INSERT INTO batch_events
SELECT
    c.position, c.project_id, c."timestamp",
    left(c.client_session, 200) AS client_session,
    date_bin('30 minutes', c."timestamp", 'epoch') AS half_hour,
    c.event = %(pageview)s AS pageview,
    c.path,
    m.person_id, m.stored_as
FROM claimed c
JOIN batch_ids m USING (project_id, distinct_id);
