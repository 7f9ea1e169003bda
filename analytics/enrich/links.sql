-- Appends the links of the batch, made or refused.
INSERT INTO analytics_identity_link
    (id, project_id, cause, linked_id, distinct_id, person_id, other_id, refused, by, event_id, happened_at, recorded_at)
SELECT
    id, project_id, cause, linked_id, distinct_id, person_id, other_id, refused, '', event_id,
    happened_at, now()
FROM jsonb_to_recordset(%(links)s::jsonb) AS links (
    id bigint, project_id integer, cause text, linked_id text, distinct_id text, person_id bigint, other_id bigint,
    refused text, event_id uuid, happened_at timestamptz
);
