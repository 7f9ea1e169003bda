-- Every event of the batch with its person, in numbers only from here on.
CREATE TEMPORARY TABLE placed ON COMMIT DROP AS
SELECT
    c.sequence, c.position, c.project_id, c."timestamp", c.client_session, c.pageview, c.has_path,
    m.person_id, m.stored_as
FROM claimed c
JOIN mentioned m USING (project_id, distinct_id);
