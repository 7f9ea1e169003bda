-- The oldest rows leave the inbox for a temporary table, and that is all that the later steps read of them.
WITH gone AS (
    DELETE FROM analytics_inbox WHERE position BETWEEN %(first)s AND %(last)s RETURNING *
)
INSERT INTO claimed
SELECT
    gone.*,
    -- An id that means nobody would make one person of all who were ever called so.
    link IS NOT NULL AND linked_id IS NOT NULL
        AND lower(btrim(linked_id)) <> ALL (%(nobody)s)
        AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    (user_known = 1 OR link IS NOT DISTINCT FROM 'identify') AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    coalesce(person_set, '{}') <> '{}' OR coalesce(person_set_once, '{}') <> '{}'
FROM gone;
