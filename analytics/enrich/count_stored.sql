INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
SELECT
    c.project_id, date_bin('1 hour', c.received_at, 'epoch'), 'stored',
    CASE WHEN u.position IS NULL THEN '' ELSE %(no_person)s END, count(*)
FROM claimed c
LEFT JOIN unattributed u USING (position)
GROUP BY 1, 2, 4
-- Ingest updates the ledger in this order too. In another order, the two could deadlock.
ORDER BY 1, 2, 4
ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count;

-- The project works again.
DELETE FROM analytics_stage_failure f
WHERE f.stage = 'enrich' AND EXISTS (SELECT FROM claimed c WHERE c.project_id = f.project_id);
