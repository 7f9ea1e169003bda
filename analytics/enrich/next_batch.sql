SELECT min(position), max(position)
FROM (SELECT position FROM analytics_inbox ORDER BY position LIMIT %(limit)s) AS oldest;
