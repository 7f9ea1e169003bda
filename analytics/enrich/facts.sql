-- What the batch says about people, in arrival order: links, properties, and the first time an id is a user's.
SELECT
    c.project_id, c.distinct_id, c.id, c."timestamp", c.position + %(offset)s AS sequence,
    CASE WHEN c.links THEN c.link ELSE '' END, CASE WHEN c.links THEN c.linked_id END,
    c.names_user, c.person_set, c.person_set_once
FROM claimed c
JOIN mentioned m USING (project_id, distinct_id)
WHERE c.links OR c.tells OR (c.position = m.known_at AND NOT m.was_user)
ORDER BY c.position;
