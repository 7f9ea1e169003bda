-- Earlier refusals and undos for the pairs that the batch links again. A manual merge after an undo makes the two one
-- person, and then resolution never asks.
SELECT DISTINCT l.project_id, l.distinct_id, l.linked_id, l.cause = 'undo'
FROM analytics_identity_link l
JOIN claimed c USING (project_id, distinct_id, linked_id)
WHERE c.links AND (l.cause = 'undo' OR l.refused <> '');
