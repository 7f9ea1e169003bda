-- Sessions with events in a range, and sessions of people who were merged, or whose merge was undone, in it. By ID.
WITH moved AS (
    SELECT DISTINCT person_id
    FROM analytics_redirect
    WHERE project_id = %(project)s AND link_id > %(after_link)s AND link_id <= %(upto_link)s
), owners AS (
    SELECT moved.person_id AS began, now.target_id AS person_id
    FROM moved
    CROSS JOIN LATERAL (
        SELECT target_id
        FROM analytics_redirect
        WHERE person_id = moved.person_id
        ORDER BY link_id DESC
        LIMIT 1
    ) AS now
)
SELECT session_id AS id
FROM analytics_event
WHERE project_id = %(project)s AND sequence > %(after)s AND sequence <= %(upto)s AND session_id > %(beyond)s
UNION
SELECT session.id
FROM owners
-- By origin: of the target's sessions, only those that came from the moved person have changed hands.
JOIN analytics_session AS session
    ON session.person_id = owners.person_id AND coalesce(session.origin_id, session.person_id) = owners.began
WHERE session.project_id = %(project)s AND session.id > %(beyond)s
ORDER BY id
LIMIT %(limit)s
