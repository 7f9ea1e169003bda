-- Columns as big-endian bytes in one row: fetching tens of thousands of rows would be much slower.
SELECT
    string_agg(int4send(c.project_id), ''),
    string_agg(uuid_send(c.id), ''),
    string_agg(int4send((c."timestamp" AT TIME ZONE 'UTC')::date - date '1970-01-01'), ''),
    string_agg(int8send(c.position), '')
FROM claimed c
-- A younger event that was sent before is still in PostgreSQL: none is more than 23 hours ahead of its arrival.
WHERE c."timestamp" < now() - interval '2 days'
    AND NOT EXISTS (SELECT FROM dropped d WHERE d.position = c.position);
