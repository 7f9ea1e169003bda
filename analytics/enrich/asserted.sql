-- What events asserted, by the person as whom they are stored: these people, and those merged into them, in the order
-- of the redirects.
SELECT id, merged_into_id, assertions::text FROM analytics_person WHERE id = ANY (%(people)s)
UNION ALL
SELECT id, merged_into_id, assertions::text FROM analytics_person WHERE merged_into_id = ANY (%(people)s)
ORDER BY id;
