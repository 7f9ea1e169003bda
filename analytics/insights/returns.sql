-- People per cohort and offset, with the project's data version; one row of nulls when there are none.
SELECT version.number, cells.cohort, cells."offset", cells.people
FROM (
    SELECT coalesce(max(number), 0) AS number
    FROM analytics_project_version
    WHERE project_id = %(project)s AND last_id IS NULL
) AS version
LEFT JOIN analytics_rollup_return AS cells
    ON cells.project_id = %(project)s AND cells.period = %(period)s
    AND cells.cohort BETWEEN %(first)s AND %(last)s AND cells."offset" < %(periods)s
