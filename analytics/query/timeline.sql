-- One person's events outside of sessions in the hot window, before a position in the timeline, until they are
-- %(budget)s bytes.
SELECT {columns}
FROM (
    SELECT newest.*, sum({size}) OVER (ORDER BY "timestamp" DESC, sequence DESC) - ({size}) AS bytes_before
    FROM (
        SELECT *
        FROM analytics_event
        WHERE project_id = %(project)s
          AND person_id = ANY(%(persons)s)
          AND session_id IS NULL
          -- A comparison of rows: written with OR, it could not bound the index on (person, timestamp).
          AND ("timestamp", sequence) < (%(at)s, %(id)s)
        ORDER BY "timestamp" DESC, sequence DESC
        LIMIT %(limit)s
    ) AS newest
) AS sized
WHERE bytes_before < %(budget)s
ORDER BY "timestamp" DESC, sequence DESC
