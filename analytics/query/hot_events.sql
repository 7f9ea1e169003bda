-- Events of one project in the hot window, by sequence. Filters that are null do not apply.
SELECT {columns}
FROM analytics_event
WHERE project_id = %(project)s
  AND sequence > %(after)s
  AND sequence <= %(upto)s
  AND (%(start)s::timestamptz IS NULL OR "timestamp" >= %(start)s::timestamptz)
  AND (%(end)s::timestamptz IS NULL OR "timestamp" < %(end)s::timestamptz)
  AND (%(event)s::text IS NULL OR event = %(event)s::text)
  AND (%(persons)s::bigint[] IS NULL OR person_id = ANY(%(persons)s::bigint[]))
  AND (%(distinct_id)s::text IS NULL OR distinct_id = %(distinct_id)s::text)
  AND (%(session)s::bigint IS NULL OR session_id = %(session)s::bigint)
ORDER BY sequence
LIMIT %(limit)s
