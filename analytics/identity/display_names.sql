-- Recomputes display names and search texts after ids or properties have changed.
UPDATE analytics_person p SET
    name = named.name,
    search = analytics_person_search(named.name, p.properties, ids.listed)
FROM unnest(%(people)s::bigint[]) AS renamed (person_id)
CROSS JOIN LATERAL (
    SELECT
        (array_agg(d.distinct_id ORDER BY d.id) FILTER (WHERE d.is_user))[1] AS user_id,
        (array_agg(d.distinct_id ORDER BY d.id))[1] AS any_id,
        string_agg(left(d.distinct_id, 100), ' ' ORDER BY NOT d.is_user, d.id) AS listed
    FROM (
        -- Without a limit, the search text of a person with thousands of ids would list all of them.
        SELECT * FROM analytics_distinct_id WHERE person_id = renamed.person_id ORDER BY NOT is_user, id LIMIT 20
    ) AS d
) AS ids
CROSS JOIN LATERAL (
    SELECT analytics_person_name(properties, ids.user_id, ids.any_id) AS name
    FROM analytics_person WHERE id = renamed.person_id
) AS named
WHERE p.id = renamed.person_id AND ids.any_id IS NOT NULL;
