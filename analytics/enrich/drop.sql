-- Counts the dropped rows in the ledger and removes them from the batch. A row dropped for two reasons counts once.
INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
SELECT c.project_id, date_trunc('hour', c.received_at, 'UTC'), d.outcome, d.reason, count(*)
FROM (SELECT position, max(outcome) AS outcome, max(reason) AS reason FROM dropped GROUP BY position) AS d
JOIN claimed c USING (position)
GROUP BY 1, 2, 3, 4
-- Ingest updates the same rows. In another order than its own, the two could deadlock.
ORDER BY 1, 2, 3, 4
ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count;

DELETE FROM claimed c USING dropped d WHERE c.position = d.position;
