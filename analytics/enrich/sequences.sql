-- Reserves one block for the batch. Positions have gaps, so the block has them too.
-- Two calls are safe, because only one transaction at a time enriches.
SELECT begin
FROM (SELECT nextval('analytics_event_sequence') AS begin) AS block
WHERE setval('analytics_event_sequence', begin + %(span)s) IS NOT NULL;
