-- Pairs of people whose merge a member has undone. By their ids, since later merges and undos may have moved them. The
-- same pair merged again manually is one person, and then no link asks.
SELECT DISTINCT one.person_id, two.person_id
FROM analytics_identity_link l
JOIN analytics_distinct_id one ON one.project_id = l.project_id AND one.distinct_id = l.distinct_id
JOIN analytics_distinct_id two ON two.project_id = l.project_id AND two.distinct_id = l.linked_id
WHERE l.cause = 'undo'
    AND l.project_id = ANY (%(projects)s)
    AND one.person_id <> two.person_id
    AND (one.person_id = ANY (%(people)s) OR two.person_id = ANY (%(people)s));
