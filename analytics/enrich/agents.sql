-- A range of the inbox, not the exact rows: a few agents too many cost nothing, a join would.
SELECT DISTINCT user_agent
FROM analytics_inbox
WHERE position BETWEEN (SELECT min(position) FROM claimed) AND (SELECT max(position) FROM claimed)
    AND user_agent IS NOT NULL;
