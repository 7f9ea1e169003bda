-- The newest events of each session, until they are %(budget)s bytes. The time bounds allow the index on
-- (person, timestamp); without them PostgreSQL would read all events of the person.
SELECT {columns}
FROM (
    SELECT newest.*, sum({size}) OVER (ORDER BY "timestamp" DESC, sequence DESC) - ({size}) AS bytes_before
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
) AS sized
WHERE bytes_before < %(budget)s
ORDER BY "timestamp" DESC, sequence DESC
