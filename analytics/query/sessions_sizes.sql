-- Bytes of text that reading each session takes. The other columns are short.
SELECT
    id,
    octet_length(client_id) + coalesce(octet_length(entry_path), 0) + coalesce(octet_length(exit_path), 0)
    + coalesce(octet_length(referring_domain), 0) + coalesce(octet_length(utm_source), 0)
    + coalesce(octet_length(utm_medium), 0) + coalesce(octet_length(utm_campaign), 0)
FROM analytics_session
WHERE project_id = %(project)s AND id = ANY(%(ids)s)
