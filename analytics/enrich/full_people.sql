-- A warning for people whose properties did not fit: one for each project and batch, however many people it concerns.
INSERT INTO analytics_warning (project_id, reason, message, sample, at)
SELECT DISTINCT ON (project_id) project_id, 'person_full', %(message)s, left(distinct_id, 500), now()
FROM batch_ids
WHERE person_id = ANY (%(people)s)
ORDER BY project_id, first_position;
