-- Moves one stored event into quarantine, whole. It no longer counts as stored.
WITH taken AS (
    DELETE FROM analytics_event WHERE sequence = %(sequence)s RETURNING *
), kept AS (
    INSERT INTO analytics_quarantine
        (project_id, stage, event_id, event, distinct_id, received_at, sqlstate, message, quarantined_at, row)
    SELECT project_id, 'load', id, event, distinct_id, received_at, '', %(message)s, now(), row_to_json(taken)::text
    FROM taken
), warned AS (
    INSERT INTO analytics_warning (project_id, reason, message, sample, at)
    SELECT project_id, 'quarantined', %(message)s, left(concat_ws(' ', event, distinct_id, properties), 500), now()
    FROM taken
), counted AS (
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), entry.outcome, entry.reason, entry.count
    FROM taken
    CROSS JOIN LATERAL (VALUES
        ('quarantined', '', 1),
        ('stored', CASE WHEN person_id IS NULL THEN %(no_person)s ELSE '' END, -1)
    ) AS entry (outcome, reason, count)
    -- A replay updates the ledger in this order, too. In another order, the two could deadlock.
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count
)
SELECT count(*) FROM taken;
