-- What was resolved, written down: the record of links, the redirects, and what they move.
INSERT INTO analytics_identity_link
    (id, project_id, cause, linked_id, distinct_id, person_id, other_id, refused, event_id, happened_at, recorded_at)
SELECT id, project_id, cause, linked_id, distinct_id, person_id, other_id, refused, event_id, happened_at, now()
FROM jsonb_to_recordset(%(links)s::jsonb) AS links (
    id bigint, project_id integer, cause text, linked_id text, distinct_id text, person_id bigint, other_id bigint,
    refused text, event_id uuid, happened_at timestamptz
);

INSERT INTO analytics_redirect (project_id, person_id, target_id, link_id)
SELECT project_id, person_id, target_id, link_id
FROM jsonb_to_recordset(%(moved)s::jsonb) AS moved (
    project_id integer, person_id bigint, target_id bigint, link_id bigint
);

CREATE TEMPORARY TABLE moves ON COMMIT DROP AS
SELECT DISTINCT ON (person_id) person_id, target_id
FROM jsonb_to_recordset(%(moved)s::jsonb) AS moved (person_id bigint, target_id bigint, link_id bigint)
ORDER BY person_id, link_id DESC;

UPDATE analytics_person p SET merged_into_id = m.target_id FROM moves m WHERE p.id = m.person_id;

UPDATE analytics_distinct_id d
SET person_id = m.target_id, origin_id = coalesce(d.origin_id, d.person_id)
FROM moves m WHERE d.person_id = m.person_id;

UPDATE analytics_session s
SET person_id = m.target_id, origin_id = coalesce(s.origin_id, s.person_id)
FROM moves m WHERE s.person_id = m.person_id;

UPDATE mentioned m SET person_id = moves.target_id FROM moves WHERE m.person_id = moves.person_id;
