-- The oldest waiting rows up to a number of rows and of bytes, without those of projects that are stopped. At least one.
SELECT min(position), max(position), count(*)
FROM (
    SELECT position, sum(bytes) OVER (ORDER BY position) - bytes AS before
    FROM (
        -- octet_length() does not decompress a value.
        SELECT position, octet_length(properties) + coalesce(octet_length(person_set), 0)
            + coalesce(octet_length(person_set_once), 0) + coalesce(octet_length(url), 0) AS bytes
        FROM analytics_inbox
        WHERE project_id <> ALL (%(stopped)s)
        ORDER BY position
        LIMIT %(rows)s
    ) AS oldest
) AS sized
WHERE before < %(bytes)s;
