-- Finds the rows to drop: rows of deleted projects, repeated ids in the batch (the first one stays), and ids that
-- are stored already.
INSERT INTO dropped
SELECT c.position, 'refused' AS outcome, 'project_gone' AS reason
FROM claimed c
WHERE NOT EXISTS (SELECT FROM projects_project p WHERE p.id = c.project_id);

INSERT INTO dropped
SELECT repeated.position, 'duplicate', ''
FROM (
    SELECT c.position, row_number() OVER (PARTITION BY c.id, c.project_id ORDER BY c.position) AS nth
    FROM claimed c
) AS repeated
WHERE repeated.nth > 1;

-- LATERAL with LIMIT forces an index look-up per id. A join could scan all hot partitions.
INSERT INTO dropped
SELECT c.position, 'duplicate', ''
FROM claimed c
CROSS JOIN LATERAL (
    SELECT 1 FROM analytics_event e
    WHERE e.id = c.id AND e.project_id = c.project_id AND e.stored_on <= (now() AT TIME ZONE 'UTC')::date
    LIMIT 1
) AS stored;

-- Stored before, and taken out because load could not load it.
INSERT INTO dropped
SELECT c.position, 'duplicate', ''
FROM claimed c
JOIN analytics_quarantine q ON q.event_id = c.id AND q.project_id = c.project_id AND q.stage = 'load';
