-- The facts of the batch in order of arrival: links, properties, and the first time that an id is a user id.
SELECT
    c.project_id, c.distinct_id, c.id, c."timestamp", c.position + %(offset)s AS sequence,
    CASE WHEN c.links THEN c.link ELSE '' END, CASE WHEN c.links THEN c.linked_id END,
    c.names_user, c.person_set, c.person_set_once
FROM claimed c
JOIN batch_ids m USING (project_id, distinct_id)
WHERE (c.links OR c.sets_properties OR (c.position = m.user_position AND NOT m.was_user))
    AND NOT EXISTS (SELECT FROM unattributed u WHERE u.position = c.position)
ORDER BY c.position;
