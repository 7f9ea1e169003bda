-- How many bytes enrich/assertions would read. A compressed value must be measured as text: it can be 100 times larger.
SELECT coalesce(sum(
    CASE WHEN pg_column_compression(assertions) IS NULL THEN pg_column_size(assertions)
         ELSE octet_length(assertions::text)
    END
), 0)
FROM (
    SELECT assertions FROM analytics_person WHERE id = ANY (%(people)s)
    UNION ALL
    SELECT assertions FROM analytics_person WHERE merged_into_id = ANY (%(people)s)
) AS needed;
