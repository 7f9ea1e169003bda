-- Assertions of these people and of everyone merged into them, by the person under whom their events are stored. By
-- id, so that the redirects of a merge are always written in the same order.
SELECT id, merged_into_id, assertions::text FROM analytics_person WHERE id = ANY (%(people)s)
UNION ALL
SELECT id, merged_into_id, assertions::text FROM analytics_person WHERE merged_into_id = ANY (%(people)s)
ORDER BY id;
