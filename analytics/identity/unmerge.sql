-- Undoes a merge: `persons` were moved by it and are still part of `whole`. They become `part` again, with the ids and
-- sessions that started as one of them. Redirects are only appended, so earlier data versions stay readable.
INSERT INTO analytics_redirect (project_id, person_id, target_id, link_id)
SELECT %(project)s, person, %(part)s, %(link)s FROM unnest(%(persons)s::bigint[]) AS person;

-- `part` is a person again. Those who were merged into it before stay merged into it.
UPDATE analytics_person SET merged_into_id = nullif(%(part)s, id) WHERE id = ANY (%(persons)s);

UPDATE analytics_distinct_id SET person_id = %(part)s, origin_id = nullif(origin_id, %(part)s)
WHERE person_id = %(whole)s AND origin_id = ANY (%(persons)s);

UPDATE analytics_session SET person_id = %(part)s, origin_id = nullif(origin_id, %(part)s)
WHERE person_id = %(whole)s AND origin_id = ANY (%(persons)s);
