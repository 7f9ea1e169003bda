-- Return cells of one project and interval. `computed` has those of period `since` and later (null: all).
CREATE TEMPORARY TABLE computed (cohort date, "offset" integer, people bigint) ON COMMIT DROP;
----
DELETE FROM analytics_rollup_return AS old
WHERE old.project_id = %(project)s
    AND old.period = %(interval)s
    -- Older cells are not in `computed`: without this line they would all be deleted.
    AND (%(since)s::date IS NULL OR old.cohort + (old."offset" || ' ' || %(interval)s)::interval >= %(since)s::date)
    AND NOT EXISTS (SELECT FROM computed AS new WHERE new.cohort = old.cohort AND new."offset" = old."offset");

INSERT INTO analytics_rollup_return AS old (project_id, period, cohort, "offset", people)
SELECT %(project)s, %(interval)s, cohort, "offset", people
FROM computed
ORDER BY cohort, "offset"
ON CONFLICT (project_id, period, cohort, "offset") DO UPDATE
SET people = excluded.people
-- Only rows that differ: rewriting equal ones at every rollup would bloat the table.
WHERE old.people <> excluded.people;

-- Not left to the commit: the next interval creates the table again in the same transaction.
DROP TABLE computed;
