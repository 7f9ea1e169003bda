-- The counts of one project, as of one snapshot.
WITH ledger AS (
    SELECT
        coalesce(sum(count) FILTER (WHERE outcome = 'received'), 0) AS received,
        coalesce(sum(count) FILTER (WHERE outcome = 'stored'), 0) AS stored,
        coalesce(sum(count) FILTER (WHERE outcome = 'stored' AND reason = %(no_person)s), 0) AS of_nobody,
        coalesce(sum(count) FILTER (WHERE outcome = 'duplicate'), 0) AS duplicates,
        coalesce(sum(count) FILTER (WHERE outcome = 'refused'), 0) AS refused,
        coalesce(sum(count) FILTER (WHERE outcome = 'quarantined'), 0) AS quarantined
    FROM analytics_ledger
    WHERE project_id = %(project)s
),
waiting AS (
    -- What Firsthand records itself is counted as received when it is enriched.
    SELECT count(*) AS events, count(*) FILTER (WHERE recorded) AS recorded
    FROM analytics_inbox
    WHERE project_id = %(project)s
),
hot AS (
    SELECT count(*) AS events, array_agg(uuid_send(id)) AS ids
    FROM analytics_event
    WHERE project_id = %(project)s AND sequence > %(watermark)s
)
SELECT
    ledger.received + waiting.recorded AS received,
    ledger.stored, ledger.of_nobody, ledger.duplicates, ledger.refused, ledger.quarantined,
    (SELECT count(*) FROM analytics_quarantine WHERE project_id = %(project)s) AS in_quarantine,
    (SELECT count(*) FROM analytics_quarantine
     WHERE project_id = %(project)s AND stage = 'load' AND row::json ->> 'person_id' IS NOT NULL) AS unloadable,
    waiting.events AS waiting,
    hot.events AS hot, hot.ids AS hot_ids,
    (SELECT coalesce(sum(events), 0) FROM analytics_person
     WHERE project_id = %(project)s AND merged_into_id IS NULL) AS by_people,
    (SELECT coalesce(sum(events), 0) FROM analytics_distinct_id WHERE project_id = %(project)s) AS by_ids
FROM ledger, waiting, hot
