-- Tells open pages which people have changed (dashboard/live). A link may also change the page of somebody whose events
-- are not in the batch, so its project is announced as a whole.
SELECT pg_notify(
    %(channel)s,
    concat_ws(
        ' ', pg_current_xact_id(), project_id,
        CASE
            WHEN count(*) > %(most)s OR project_id = ANY(%(linked)s) THEN %(everyone)s
            ELSE string_agg(person_id::text, ',')
        END
    )
)
FROM (
    SELECT project_id, person_id FROM batch_people
    UNION ALL
    -- Nobody's page shows these events, but the project's pages count them.
    SELECT DISTINCT c.project_id, 0 FROM claimed c JOIN unattributed u USING (position)
) AS changed
GROUP BY project_id;
