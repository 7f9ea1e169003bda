-- Recomputes counters, identified and properties of these people: counters from their ids, properties from the assertions
-- of everyone merged into them. An assertion is [at, sequence, once, value]. The last $set wins, or else the first
-- $set_once (the same rule as Assertion.rank in resolution.py).
UPDATE analytics_person p SET
    events = coalesce(ids.events, 0),
    first_seen = coalesce(ids.first_seen, p.first_seen),
    last_seen = coalesce(ids.last_seen, p.last_seen),
    identified = ids.identified,
    sessions = (SELECT count(*) FROM analytics_session s WHERE s.person_id = p.id),
    properties = (
        -- A null that was set last removes the property. So it is ranked like any value, and left out only here.
        SELECT coalesce(jsonb_object_agg(name, value), '{}')
        FROM (
            -- Within the limits of a person (property_limits.py). What they have now comes first.
            SELECT
                name, value,
                row_number() OVER kept AS place,
                sum(octet_length(name) + octet_length(value::text)) OVER kept AS bytes
            FROM (
                SELECT DISTINCT ON (fact.name) fact.name, fact.assertion -> 3 AS value
                FROM analytics_person part
                CROSS JOIN LATERAL jsonb_each(part.assertions) AS fact (name, assertion)
                CROSS JOIN LATERAL (
                    SELECT
                        (fact.assertion -> 0)::bigint AS at,
                        (fact.assertion -> 1)::bigint AS sequence,
                        (fact.assertion -> 2)::boolean AS once
                ) AS parts
                WHERE part.id = p.id OR part.merged_into_id = p.id
                ORDER BY
                    fact.name, once,
                    CASE WHEN once THEN at ELSE -at END, CASE WHEN once THEN sequence ELSE -sequence END
            ) AS winners
            WHERE value <> 'null'
            WINDOW kept AS (ORDER BY jsonb_exists(p.properties, name) DESC, name)
        ) AS counts
        WHERE place <= %(max_properties)s AND bytes <= %(max_bytes)s
    )
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
