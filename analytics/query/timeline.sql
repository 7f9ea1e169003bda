-- One person's newest events outside sessions, beyond a place in the timeline, out of the hot window.
SELECT {columns}
FROM analytics_event
WHERE project_id = %(project)s
  AND person_id = ANY(%(persons)s)
  AND session_id IS NULL
  AND ("timestamp", sequence) < (%(at)s, %(id)s)
ORDER BY "timestamp" DESC, sequence DESC
LIMIT %(limit)s
