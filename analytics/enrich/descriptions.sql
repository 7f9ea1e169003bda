INSERT INTO agent
SELECT * FROM jsonb_to_recordset(%(agents)s::jsonb) AS a (user_agent text, browser text, os text, device text);

INSERT INTO place
SELECT * FROM jsonb_to_recordset(%(places)s::jsonb) AS p (ip text, country text);
