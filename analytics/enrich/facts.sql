-- What the batch says about people, in arrival order: links, properties, and the first time an id is a user's.
SELECT
    c.project_id, c.distinct_id, c.id, c."timestamp",
    coalesce(c.link, ''), c.linked_id, c.user_known, i.person_set, i.person_set_once
FROM claimed c
JOIN mentioned m USING (project_id, distinct_id)
JOIN analytics_inbox i USING (position)
WHERE c.link IS NOT NULL OR c.tells OR (c.sequence = m.known_at AND NOT m.was_user)
ORDER BY c.sequence;
