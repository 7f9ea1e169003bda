-- Counts of one project and interval. `computed` has those of the periods `starts` (null: all).
CREATE TEMPORARY TABLE computed (start date, event text, events bigint, people bigint) ON COMMIT DROP;
----
DELETE FROM analytics_rollup_count AS old
WHERE old.project_id = %(project)s
    AND old.interval = %(interval)s
    -- Other periods are not in `computed`: without this line they would all be deleted.
    AND (%(starts)s::date[] IS NULL OR old.start = ANY(%(starts)s::date[]))
    AND NOT EXISTS (SELECT FROM computed AS new WHERE new.start = old.start AND new.event = old.event);

INSERT INTO analytics_rollup_count AS old (project_id, interval, start, event, events, people)
SELECT %(project)s, %(interval)s, start, event, events, people
FROM computed
ORDER BY event, start
ON CONFLICT (project_id, interval, event, start) DO UPDATE
SET events = excluded.events, people = excluded.people
-- Only rows that differ: rewriting equal ones at every rollup would bloat the table.
WHERE (old.events, old.people) IS DISTINCT FROM (excluded.events, excluded.people);

-- Not left to the commit: the next interval creates the table again in the same transaction.
DROP TABLE computed;
