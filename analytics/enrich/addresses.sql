SELECT DISTINCT ip
FROM analytics_inbox
WHERE position BETWEEN (SELECT min(position) FROM claimed) AND (SELECT max(position) FROM claimed)
    AND ip IS NOT NULL;
