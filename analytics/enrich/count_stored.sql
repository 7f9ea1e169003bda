INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
SELECT project_id, date_bin('1 hour', received_at, 'epoch'), 'stored', '', count(*)
FROM claimed
GROUP BY 1, 2
-- Ingest updates the ledger in this order too. In another order, the two could deadlock.
ORDER BY 1, 2
ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count;

-- The project works again.
DELETE FROM analytics_stage_failure f
WHERE f.stage = 'enrich' AND EXISTS (SELECT FROM claimed c WHERE c.project_id = f.project_id);
