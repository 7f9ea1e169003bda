-- One block for the batch, gaps and all.
SELECT begin
FROM (SELECT nextval('analytics_event_sequence') AS begin) AS block
WHERE setval('analytics_event_sequence', begin + %(span)s) IS NOT NULL;
