-- What is counted of these people, and whether they are identified, again: from the facts of their ids.
UPDATE analytics_person p SET
    events = coalesce(ids.events, 0),
    first_seen = coalesce(ids.first_seen, p.first_seen),
    last_seen = coalesce(ids.last_seen, p.last_seen),
    identified = ids.identified,
    sessions = (SELECT count(*) FROM analytics_session s WHERE s.person_id = p.id)
FROM (
    SELECT
        person_id,
        sum(events) AS events,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        bool_or(is_user) AS identified
    FROM analytics_distinct_id
    WHERE person_id = ANY (%(people)s)
    GROUP BY person_id
) AS ids
WHERE p.id = ids.person_id;
