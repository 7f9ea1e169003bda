-- Every distinct id of the batch once, with its person. A new id gets a new person, numbered in order of arrival.
-- Identity resolution may reassign it.
INSERT INTO batch_ids
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
        -- A linked id has no event here. Its timestamp is NULL and is not counted.
        count("timestamp") AS events,
        min("timestamp") AS first_seen,
        max("timestamp") AS last_seen,
        min(position) AS first_position,
        min(position) FILTER (WHERE names_user) AS user_position
    FROM (
        SELECT project_id, distinct_id, "timestamp", position, names_user FROM claimed c
        WHERE NOT EXISTS (SELECT FROM unattributed u WHERE u.position = c.position)
        UNION ALL
        SELECT project_id, linked_id, NULL, position, false FROM claimed WHERE links
    ) AS named
    GROUP BY project_id, distinct_id
) AS m
LEFT JOIN analytics_distinct_id d ON d.project_id = m.project_id AND d.distinct_id = m.distinct_id;

UPDATE batch_ids SET person_id = numbered.person_id, stored_as = numbered.person_id
FROM (
    SELECT project_id, distinct_id, nextval(pg_get_serial_sequence('analytics_person', 'id')) AS person_id
    -- Both ids of a link first appear at the same position. The one with an event comes first.
    FROM (SELECT project_id, distinct_id FROM batch_ids WHERE is_new ORDER BY first_position, events DESC) AS arrived
) AS numbered
WHERE batch_ids.project_id = numbered.project_id AND batch_ids.distinct_id = numbered.distinct_id;
