-- One person's events after a sequence that set properties.
SELECT person_id, "timestamp", sequence, id, properties
FROM analytics_event
WHERE project_id = %(project)s
  AND person_id = ANY(%(persons)s)
  AND sequence > %(after)s
  -- A text search, as in metrics.facts: parsing the JSON of every event would take far longer.
  AND properties LIKE '%%"$set%%'
