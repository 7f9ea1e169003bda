-- Moves one row of the inbox into quarantine, whole.
WITH taken AS (
    DELETE FROM analytics_inbox WHERE position = %(position)s RETURNING *
), kept AS (
    INSERT INTO analytics_quarantine
        (project_id, stage, event, distinct_id, received_at, sqlstate, message, quarantined_at, row)
    SELECT project_id, 'enrich', event, distinct_id, received_at, %(sqlstate)s, %(message)s, now(), row_to_json(taken)::text
    FROM taken
), warned AS (
    INSERT INTO analytics_warning (project_id, reason, message, sample, at)
    SELECT project_id, 'quarantined', %(message)s, left(concat_ws(' ', event, distinct_id, person_set, properties), 500), now()
    FROM taken
), received AS (
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), 'received', 'recorded', 1 FROM taken WHERE recorded
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + 1
), quarantined AS (
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), 'quarantined', '', 1 FROM taken
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + 1
)
SELECT count(*) FROM taken;
