-- Bytes of text that reading each person takes.
SELECT
    person.id,
    octet_length(person.properties::text) + octet_length(person.assertions::text) + (
        SELECT coalesce(sum(octet_length(distinct_id)), 0)::bigint
        FROM analytics_distinct_id
        WHERE person_id = person.id
    )
FROM analytics_person AS person
WHERE person.project_id = %(project)s AND person.id = ANY(%(ids)s)
