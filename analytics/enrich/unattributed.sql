-- Events that are nobody's: sent without a person, under an id that nobody is known by when they arrive. Compared by
-- position, so that the answer does not depend on where a batch ends. They stay nobody's when the id is known later.
INSERT INTO unattributed
SELECT c.position
FROM claimed c
LEFT JOIN (
    SELECT project_id, distinct_id, min(position) AS first_position
    FROM (
        SELECT project_id, distinct_id, position FROM claimed WHERE personless = 0
        UNION ALL
        SELECT project_id, linked_id, position FROM claimed WHERE links
    ) AS named
    GROUP BY project_id, distinct_id
) AS ids USING (project_id, distinct_id)
WHERE c.personless = 1
    AND coalesce(ids.first_position > c.position, true)
    AND NOT EXISTS (
        SELECT FROM analytics_distinct_id d WHERE d.project_id = c.project_id AND d.distinct_id = c.distinct_id
    );
