-- The people of these ids before the batch. A person without a row is new.
SELECT m.project_id, m.distinct_id, m.person_id, m.stored_as, p.id IS NULL AS is_new, coalesce(p.identified, false)
FROM batch_ids m
JOIN (
    SELECT DISTINCT project_id, distinct_id
    FROM jsonb_to_recordset(%(ids)s::jsonb) AS named (project_id integer, distinct_id text)
) AS named USING (project_id, distinct_id)
LEFT JOIN analytics_person p ON p.id = m.person_id;
