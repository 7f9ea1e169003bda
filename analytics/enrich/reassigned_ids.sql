-- Reassigns the batch's ids after its links: ids of merged people, and new ids.
UPDATE batch_ids m SET person_id = moves.target_id FROM moves WHERE m.person_id = moves.person_id;

UPDATE batch_ids m SET person_id = r.person_id, stored_as = r.stored_as
FROM jsonb_to_recordset(%(origins)s::jsonb)
    AS r (project_id integer, distinct_id text, person_id bigint, stored_as bigint)
WHERE m.project_id = r.project_id AND m.distinct_id = r.distinct_id;
