-- Earlier refusals of the pairs that the batch links again. A repeated refusal is not recorded again.
SELECT DISTINCT l.project_id, l.distinct_id, l.linked_id
FROM analytics_identity_link l
JOIN claimed c USING (project_id, distinct_id, linked_id)
WHERE c.links AND l.refused <> '';
