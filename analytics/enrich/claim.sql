-- The oldest rows leave the inbox for a temporary table, and that is all that the later steps read of them.
-- work_mem: the batch is hashed and sorted in memory.
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;

CREATE TEMPORARY TABLE claimed (LIKE analytics_inbox, links boolean, names_user boolean, tells boolean) ON COMMIT DROP;

WITH gone AS (
    DELETE FROM analytics_inbox WHERE position BETWEEN %(first)s AND %(last)s RETURNING *
)
INSERT INTO claimed
SELECT
    gone.*,
    -- An id that means nobody would make one person of all who were ever called so.
    link IS NOT NULL AND lower(btrim(linked_id)) <> ALL (%(nobody)s) AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    user_known = 1 AND lower(btrim(distinct_id)) <> ALL (%(nobody)s),
    coalesce(person_set, '{}') <> '{}' OR coalesce(person_set_once, '{}') <> '{}'
FROM gone;

ANALYZE claimed (position, distinct_id);
