-- Merges people: redirects for their stored events, and their ids and sessions move.
INSERT INTO analytics_redirect (project_id, person_id, target_id, link_id)
SELECT project_id, person_id, target_id, link_id
FROM jsonb_to_recordset(%(moved)s::jsonb) AS moved (
    project_id integer, person_id bigint, target_id bigint, link_id bigint
);

-- It may exist: one transaction can merge more than once.
DROP TABLE IF EXISTS moves;
CREATE TEMPORARY TABLE moves ON COMMIT DROP AS
SELECT DISTINCT ON (person_id) person_id, target_id
FROM jsonb_to_recordset(%(moved)s::jsonb) AS moved (person_id bigint, target_id bigint, link_id bigint)
ORDER BY person_id, link_id DESC;

UPDATE analytics_person p SET merged_into_id = m.target_id FROM moves m WHERE p.id = m.person_id;

-- A second merge must not overwrite the origin. Otherwise an undo could not return the id.
UPDATE analytics_distinct_id d
SET person_id = m.target_id, origin_id = coalesce(d.origin_id, d.person_id)
FROM moves m WHERE d.person_id = m.person_id;

UPDATE analytics_session s
SET person_id = m.target_id, origin_id = coalesce(s.origin_id, s.person_id)
FROM moves m WHERE s.person_id = m.person_id;
