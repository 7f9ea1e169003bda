-- People per cohort and offset, with the project's data version; one row of nulls when there are none.
SELECT version.id, cells.cohort, cells."offset", cells.people
FROM (SELECT coalesce(max(id), 0) AS id FROM analytics_data_version) AS version
LEFT JOIN analytics_rollup_return AS cells
    ON cells.project_id = %(project)s AND cells.period = %(period)s
    AND cells.cohort BETWEEN %(first)s AND %(last)s AND cells."offset" < %(periods)s
