-- One person's events beyond a sequence that assert something about them.
SELECT person_id, "timestamp", sequence, id, properties
FROM analytics_event
WHERE project_id = %(project)s
  AND person_id = ANY(%(persons)s)
  AND sequence > %(after)s
  AND properties LIKE '%%"$set%%'
