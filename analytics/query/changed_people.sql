-- People with events or merges in a range, by ID. Events of merged ones count for the person they were merged into.
-- Those who were merged away in the range are listed, too: readers have to remove them.
WITH changed AS (
    SELECT person_id
    FROM analytics_event
    WHERE project_id = %(project)s AND sequence > %(after)s AND sequence <= %(upto)s
    UNION
    SELECT side.person_id
    FROM analytics_identity_link AS link
    CROSS JOIN LATERAL (VALUES (link.person_id), (link.other_id)) AS side (person_id)
    WHERE link.project_id = %(project)s
      AND link.id > %(after_link)s
      AND link.id <= %(upto_link)s
      AND link.other_id IS NOT NULL
      AND link.refused = ''
), merged_away AS (
    SELECT DISTINCT person_id
    FROM analytics_redirect
    WHERE project_id = %(project)s AND link_id > %(after_link)s AND link_id <= %(upto_link)s
)
-- UNION removes duplicates after merges: two people of the range may be one by now.
SELECT coalesce(now.target_id, changed.person_id) AS id
FROM changed
LEFT JOIN LATERAL (
    SELECT target_id
    FROM analytics_redirect
    WHERE person_id = changed.person_id
    ORDER BY link_id DESC
    LIMIT 1
) AS now ON true
-- The current ID is the one that pages are sorted by. Compared with the stored ID, people would be skipped or
-- repeated.
WHERE coalesce(now.target_id, changed.person_id) > %(beyond)s
UNION
SELECT person_id FROM merged_away WHERE person_id > %(beyond)s
ORDER BY id
LIMIT %(limit)s
