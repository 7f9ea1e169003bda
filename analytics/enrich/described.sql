CREATE TEMPORARY TABLE agent ON COMMIT DROP AS
SELECT * FROM jsonb_to_recordset(%(agents)s::jsonb) AS a (user_agent text, browser text, os text, device text);

CREATE TEMPORARY TABLE place ON COMMIT DROP AS
SELECT * FROM jsonb_to_recordset(%(places)s::jsonb) AS p (ip text, country text);

ANALYZE agent;
ANALYZE place;
