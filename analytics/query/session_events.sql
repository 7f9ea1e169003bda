-- The newest events of each of some sessions, newest first. The bounds in time let the person's index find them.
SELECT {columns}
FROM unnest(%(sessions)s::bigint[]) AS session (number)
CROSS JOIN LATERAL (
    SELECT *
    FROM analytics_event
    WHERE project_id = %(project)s
      AND person_id = ANY(%(persons)s)
      AND session_id = session.number
      AND "timestamp" BETWEEN %(first)s AND %(last)s
    ORDER BY "timestamp" DESC, sequence DESC
    LIMIT %(limit)s
) AS newest
ORDER BY "timestamp" DESC, sequence DESC
