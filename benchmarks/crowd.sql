-- Who does what when, in small numbers: one row per event of $people people within $days days.
-- A person joins ever more likely towards the end (growth), has 1 to 200 events, most of them in their first days.
CREATE OR REPLACE TABLE happened AS
WITH someone AS (
    SELECT
        i,
        floor($days * sqrt(hash(i, $seed, 'joined') / 18446744073709551616.0))::INTEGER AS joined,
        1 + least(199, floor(-19.8 * ln(1 - hash(i, $seed, 'events') / 18446744073709551616.0)))::INTEGER AS events,
        1 + 40 * (hash(i, $seed, 'stays') % 100 >= 70)::INTEGER AS stays
    FROM range($people) AS range_(i)
),
something AS (
    SELECT
        i, joined, number,
        floor(-3 * stays * ln(1 - hash(i, number, $seed, 'day') / 18446744073709551616.0))::INTEGER AS later,
        hash(i, number, $seed, 'what') AS chance
    FROM someone, range(events) AS range_(number)
)
SELECT
    i::INTEGER AS i,
    number::SMALLINT AS number,
    (joined + if(number = 0, 0, later % ($days - joined)))::SMALLINT AS day,
    (chance % 86400)::INTEGER AS second,
    (if(number = 0, 0, 1 + floor(6.99 * pow((chance // 86400) % 10000 / 10000.0, 2))))::TINYINT AS what
FROM something;
----
-- The days from $first to before $until as the lake has them.
SELECT
    $sequence + row_number() OVER (ORDER BY day, i, second, number) AS sequence,
    $project::INTEGER AS project_id,
    unhex(md5(concat_ws('-', $project, i, number))) AS id,
    ['signup', '$pageview', 'opened', 'wrote', 'shared', 'invited', 'exported', 'paid'][what + 1] AS event,
    make_timestamptz(epoch_us($start::DATE::TIMESTAMP) + (day * 86400 + second) * 1000000::BIGINT) AS "timestamp",
    make_timestamptz(epoch_us($start::DATE::TIMESTAMP) + (day * 86400 + second + 1) * 1000000::BIGINT) AS received_at,
    'user-' || i AS distinct_id,
    $person + i::BIGINT AS person_id,
    NULL::BIGINT AS session_id,
    'https://product.example/' || what AS url,
    '/' || what AS path,
    NULL AS title, NULL AS referrer, NULL AS referring_domain,
    NULL AS utm_source, NULL AS utm_medium, NULL AS utm_campaign, NULL AS utm_term, NULL AS utm_content,
    ['Chrome', 'Firefox', 'Safari', 'Edge'][i % 4 + 1] AS browser,
    ['Windows', 'macOS', 'Linux'][i % 3 + 1] AS os,
    if(i % 3 = 0, 'mobile', 'desktop') AS device,
    ['DE', 'US', 'FR', 'JP', 'BR'][i % 5 + 1] AS country,
    'en-US' AS locale,
    'web' AS library,
    '{"plan":"' || if(i % 10 = 0, 'pro', 'free') || '"}' AS properties,
    $start::DATE + day::INTEGER AS day,
    strftime($start::DATE + day::INTEGER, '%Y-%m') AS month
FROM happened
WHERE day >= $first AND day < $until
ORDER BY day, person_id, second, number
