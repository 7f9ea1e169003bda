-- An hour of a busy product: visits of 20 events on average, 20 seconds between them, interleaved as they arrive.
-- Of ten visits seven are by devices nobody knows, three by users; one user in ten identifies himself during the
-- visit. Of a hundred events two come from a server without a session, and one is sent twice.
INSERT INTO analytics_inbox
    (project_id, id, event, "timestamp", received_at, distinct_id, url, path, title, referrer, referring_domain,
     utm_source, locale, library, properties, link, linked_id, user_known, client_session, user_agent, ip,
     person_set)
SELECT
    %(project)s,
    gen_random_uuid(),
    CASE WHEN e.identifies THEN '$identify' WHEN e.kind < 6 THEN '$pageview' ELSE 'action ' || e.kind END,
    e.at,
    e.at + interval '1 second',
    CASE WHEN e.known OR e.identifies OR e.identified THEN 'user-' || e.person ELSE 'device-' || md5(e.person::text) END,
    'https://shop.example/p/' || e.page || '?ref=' || e.visit,
    '/p/' || e.page,
    'Page ' || e.page,
    'https://search.example/', 'search.example',
    CASE WHEN e.visit %% 10 = 0 THEN 'newsletter' END,
    'en-GB', 'fh.js 1',
    '{"plan":"team","value":' || e.page || ',"screen_width":1440,"screen_height":900,"note":"' || repeat('x', 120) || '"}',
    CASE WHEN e.identifies THEN 'identify' END,
    CASE WHEN e.identifies THEN 'device-' || md5(e.person::text) END,
    (e.known OR e.identifies OR e.identified)::integer,
    CASE WHEN e.number %% 50 <> 0 THEN md5('visit' || e.visit)::uuid::text END,
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/'
        || 100 + e.person %% 40 || '.0.0.0 Safari/537.36',
    '203.0.113.' || e.person %% 250,
    CASE WHEN e.identifies THEN '{"email":"user' || e.person || '@shop.example"}' END
FROM (
    SELECT
        number, visit, step,
        (hashint8(visit) & 2147483647) %% %(people)s AS person,
        (hashint8(number) & 2147483647) %% 500 AS page,
        (hashint8(number + 7) & 2147483647) %% 10 AS kind,
        visit %% 10 < 3 AS known,
        visit %% 10 = 3 AND step = 5 AS identifies,
        visit %% 10 = 3 AND step > 5 AS identified,
        now() - interval '70 minutes' + make_interval(
            secs => (hashint8(visit + 3) & 2147483647) %% 3600 + step * 20 + number %% 7
        ) AS at
    FROM (SELECT n AS number, n / 20 AS visit, n %% 20 AS step FROM generate_series(1, %(events)s) AS n) AS numbered
) AS e
ORDER BY e.at;

INSERT INTO analytics_inbox
    (project_id, id, event, "timestamp", received_at, distinct_id, url, path, properties, user_known, client_session)
SELECT project_id, id, event, "timestamp", received_at, distinct_id, url, path, properties, user_known, client_session
FROM analytics_inbox
WHERE position %% 100 = 0;

ANALYZE analytics_inbox;
