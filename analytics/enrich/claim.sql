-- Moves the oldest rows from the inbox to `claimed`, which is all that later steps read.
-- By range: joining the exact rows would cost more. Rows of the range that were committed meanwhile are claimed too.
WITH taken AS (
    DELETE FROM analytics_inbox WHERE position BETWEEN %(first)s AND %(last)s RETURNING *
)
INSERT INTO claimed
SELECT
    taken.*,
    -- Placeholder ids such as "null" or "anonymous" never link: they would merge everyone who ever had one.
    link IS NOT NULL AND linked_id IS NOT NULL
        AND lower(btrim(linked_id)) <> ALL (%(nobody)s)
        AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    (user_known = 1 OR link IS NOT DISTINCT FROM 'identify') AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    coalesce(person_set, '{}') <> '{}' OR coalesce(person_set_once, '{}') <> '{}'
FROM taken;
