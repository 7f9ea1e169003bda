-- Moves the oldest rows from the inbox to `claimed`, which is all that later steps read.
-- By range: joining the exact rows would cost more. Rows of the range that were committed meanwhile are claimed too.
WITH taken AS (
    DELETE FROM analytics_inbox
    WHERE position BETWEEN %(first)s AND %(last)s AND project_id <> ALL (%(stopped)s)
    RETURNING *
), received AS (
    -- Under a reason of its own: ingest never waits for this row of the ledger.
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), 'received', 'recorded', count(*)
    FROM taken
    WHERE recorded
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count
)
INSERT INTO claimed
SELECT
    taken.*,
    link IS NOT NULL AND linked_id IS NOT NULL,
    user_known >= 1 OR link IS NOT DISTINCT FROM 'identify',
    coalesce(person_set, '{}') <> '{}' OR coalesce(person_set_once, '{}') <> '{}'
FROM taken;
