-- The oldest rows of the inbox, narrow: what is not needed to decide anything is read again when the event is moved.
-- Temporary tables have no statistics, so the planner is told what it would guess wrong: the batch is small, all of
-- it is in memory, and it is joined to big tables by their indexes.
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;
SET LOCAL enable_mergejoin = off;

CREATE TEMPORARY TABLE claimed ON COMMIT DROP AS
SELECT nextval('analytics_event_sequence') AS sequence, oldest.*
FROM (
    SELECT
        i.position,
        i.project_id,
        i.id,
        i."timestamp",
        i.received_at,
        i.distinct_id,
        CASE WHEN linking.somebody THEN i.link END AS link,
        CASE WHEN linking.somebody THEN i.linked_id END AS linked_id,
        i.user_known = 1 AND lower(btrim(i.distinct_id)) <> ALL (%(nobody)s) AS user_known,
        left(i.client_session, 200) AS client_session,
        i.event = %(pageview)s AS pageview,
        i.path IS NOT NULL AS has_path,
        coalesce(i.person_set, '{}') <> '{}' OR coalesce(i.person_set_once, '{}') <> '{}' AS tells
    FROM analytics_inbox i
    CROSS JOIN LATERAL (
        -- An id that means nobody would make one person of all who were ever called so.
        SELECT i.link IS NOT NULL AND lower(btrim(i.linked_id)) <> ALL (%(nobody)s)
            AND lower(btrim(i.distinct_id)) <> ALL (%(nobody)s) AS somebody
    ) AS linking
    ORDER BY i.position
    LIMIT %(limit)s
) AS oldest;
