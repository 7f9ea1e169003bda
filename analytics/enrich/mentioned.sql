-- Every distinct id of the batch once, with its person. Ids that are new get the number of a person of their own,
-- in the order of their arrival; identity may give them another.
CREATE TEMPORARY TABLE mentioned ON COMMIT DROP AS
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
        min(sequence) AS first_sequence,
        min(sequence) FILTER (WHERE user_known) AS known_at
    FROM (
        SELECT project_id, distinct_id, "timestamp", sequence, user_known FROM claimed
        UNION ALL
        SELECT project_id, linked_id, NULL, sequence, false FROM claimed WHERE linked_id IS NOT NULL
    ) AS named
    GROUP BY project_id, distinct_id
) AS m
LEFT JOIN analytics_distinct_id d ON d.project_id = m.project_id AND d.distinct_id = m.distinct_id;

UPDATE mentioned SET person_id = numbered.person_id, stored_as = numbered.person_id
FROM (
    SELECT project_id, distinct_id, nextval(pg_get_serial_sequence('analytics_person', 'id')) AS person_id
    FROM (SELECT project_id, distinct_id FROM mentioned WHERE is_new ORDER BY first_sequence, events DESC) AS arrived
) AS numbered
WHERE mentioned.project_id = numbered.project_id AND mentioned.distinct_id = numbered.distinct_id;
