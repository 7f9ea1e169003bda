-- Where the ids that are new to the batch belong after its links.
UPDATE mentioned m SET person_id = r.person_id, stored_as = r.stored_as
FROM jsonb_to_recordset(%(origins)s::jsonb)
    AS r (project_id integer, distinct_id text, person_id bigint, stored_as bigint)
WHERE m.project_id = r.project_id AND m.distinct_id = r.distinct_id;
