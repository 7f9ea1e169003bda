-- Events and people per period, with the project's data version; one row of nulls when there are none.
SELECT version.number, counts.event, counts.start, counts.events, counts.people
FROM (
    SELECT coalesce(max(number), 0) AS number
    FROM analytics_project_version
    WHERE project_id = %(project)s AND last_id IS NULL
) AS version
LEFT JOIN analytics_rollup_count AS counts
    ON counts.project_id = %(project)s AND counts.interval = %(period)s AND counts.event = ANY(%(events)s)
    AND counts.start BETWEEN %(first)s AND %(last)s
