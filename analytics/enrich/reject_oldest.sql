WITH rejected AS (
    DELETE FROM analytics_inbox
    WHERE position = (SELECT min(position) FROM analytics_inbox)
    RETURNING *
), sampled AS (
    INSERT INTO analytics_warning (project_id, reason, message, sample, at)
    SELECT project_id, %(reason)s, %(message)s, left(concat_ws(' ', event, distinct_id, person_set, properties), 500), now()
    FROM rejected
), counted AS (
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), 'refused', %(reason)s, 1 FROM rejected
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + 1
)
SELECT count(*) FROM rejected;
