-- Writes ids and people: counters, first and last seen, identified, properties, names.
INSERT INTO analytics_distinct_id
    (project_id, distinct_id, person_id, origin_id, is_user, added_at, events, first_seen, last_seen)
SELECT
    project_id, distinct_id, person_id, nullif(stored_as, person_id), user_position IS NOT NULL, now(),
    events, first_seen, last_seen
FROM batch_ids
WHERE is_new
-- In order of arrival, because names prefer the id with the lowest row id (display_names.sql).
ORDER BY first_position, events DESC;

-- New people whom a link of this batch has merged into another. Their events are stored as theirs, so the merge can be
-- undone, as if they had come a batch earlier.
INSERT INTO analytics_person
    (id, project_id, merged_into_id, identified, name, search, properties, assertions, first_seen, last_seen, events, sessions)
SELECT
    stored_as, project_id, person_id, user_position IS NOT NULL,
    analytics_person_name('{}', CASE WHEN user_position IS NOT NULL THEN distinct_id END, distinct_id),
    '', '{}', '{}', coalesce(first_seen, now()), coalesce(last_seen, now()), events, 0
FROM batch_ids
WHERE is_new AND stored_as <> person_id;

UPDATE analytics_distinct_id d SET
    is_user = d.is_user OR m.user_position IS NOT NULL,
    events = d.events + m.events,
    first_seen = least(d.first_seen, m.first_seen),
    last_seen = greatest(d.last_seen, m.last_seen)
FROM batch_ids m
WHERE NOT m.is_new AND m.events > 0 AND d.project_id = m.project_id AND d.distinct_id = m.distinct_id;

UPDATE analytics_distinct_id d SET verified = true
FROM (SELECT DISTINCT project_id, distinct_id FROM claimed WHERE user_known = 2) AS proved
WHERE NOT d.verified AND d.project_id = proved.project_id AND d.distinct_id = proved.distinct_id;

INSERT INTO batch_people
SELECT
    ids.*,
    coalesce(visits.sessions, 0) AS sessions,
    coalesce(facts.identified, false) AS identified,
    facts.properties,
    asserted.assertions,
    p.id IS NULL AS is_new
FROM (
    SELECT
        project_id,
        person_id,
        sum(events) AS events,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        bool_or(is_new) AS has_new_ids
    FROM batch_ids
    GROUP BY project_id, person_id
) AS ids
LEFT JOIN (SELECT person_id, count(*) AS sessions FROM visit WHERE is_new GROUP BY person_id) AS visits
    USING (person_id)
LEFT JOIN jsonb_to_recordset(%(changed)s::jsonb) AS facts (person_id bigint, identified boolean, properties jsonb)
    USING (person_id)
LEFT JOIN jsonb_to_recordset(%(asserted)s::jsonb) AS asserted (person_id bigint, assertions jsonb) USING (person_id)
LEFT JOIN analytics_person p ON p.id = ids.person_id;

INSERT INTO analytics_person
    (id, project_id, identified, name, search, properties, assertions, first_seen, last_seen, events, sessions)
SELECT
    t.person_id, t.project_id, t.identified, named.name,
    analytics_person_search(named.name, facts.properties, ids.listed),
    facts.properties, coalesce(t.assertions, '{}'), coalesce(t.first_seen, now()), coalesce(t.last_seen, now()), t.events, t.sessions
FROM batch_people t
CROSS JOIN LATERAL (SELECT coalesce(t.properties, '{}') AS properties) AS facts
JOIN (
    SELECT
        person_id,
        (array_agg(distinct_id ORDER BY first_position, events DESC) FILTER (WHERE user_position IS NOT NULL))[1] AS user_id,
        (array_agg(distinct_id ORDER BY first_position, events DESC))[1] AS any_id,
        string_agg(left(distinct_id, 100), ' ' ORDER BY first_position, events DESC) AS listed
    FROM batch_ids
    WHERE is_new
    GROUP BY person_id
) AS ids USING (person_id)
CROSS JOIN LATERAL (SELECT analytics_person_name(facts.properties, ids.user_id, ids.any_id) AS name) AS named
WHERE t.is_new
ORDER BY t.person_id;

UPDATE analytics_person p SET
    events = p.events + t.events,
    sessions = p.sessions + t.sessions,
    first_seen = least(p.first_seen, t.first_seen),
    last_seen = greatest(p.last_seen, t.last_seen),
    identified = p.identified OR t.identified,
    properties = coalesce(t.properties, p.properties),
    assertions = coalesce(t.assertions, p.assertions)
FROM batch_people t
WHERE p.id = t.person_id AND NOT t.is_new;

-- Ids that a merge has moved: their events are still stored under the merged person, and so are their assertions.
UPDATE analytics_person p SET assertions = asserted.assertions
FROM jsonb_to_recordset(%(merged_away)s::jsonb) AS asserted (person_id bigint, assertions jsonb)
WHERE p.id = asserted.person_id;
