-- Every distinct id of the batch once, with its person. Ids that are new get the number of a person of their own,
-- in the order of their arrival; identity may give them another.
INSERT INTO mentioned
SELECT
    m.*,
    d.id IS NULL AS is_new,
    coalesce(d.is_user, false) AS was_user,
    d.person_id,
    coalesce(d.origin_id, d.person_id) AS stored_as
FROM (
    SELECT
        project_id,
        distinct_id,
        count("timestamp") AS events,
        min("timestamp") AS first_seen,
        max("timestamp") AS last_seen,
        min(position) AS first_position,
        min(position) FILTER (WHERE names_user) AS known_at
    FROM (
        SELECT project_id, distinct_id, "timestamp", position, names_user FROM claimed
        UNION ALL
        SELECT project_id, linked_id, NULL, position, false FROM claimed WHERE links
    ) AS named
    GROUP BY project_id, distinct_id
) AS m
LEFT JOIN analytics_distinct_id d ON d.project_id = m.project_id AND d.distinct_id = m.distinct_id;

UPDATE mentioned SET person_id = numbered.person_id, stored_as = numbered.person_id
FROM (
    SELECT project_id, distinct_id, nextval(pg_get_serial_sequence('analytics_person', 'id')) AS person_id
    FROM (SELECT project_id, distinct_id FROM mentioned WHERE is_new ORDER BY first_position, events DESC) AS arrived
) AS numbered
WHERE mentioned.project_id = numbered.project_id AND mentioned.distinct_id = numbered.distinct_id;
