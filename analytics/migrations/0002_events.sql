-- The way of an event through PostgreSQL: analytics_inbox (as it arrived), then analytics_event (enriched, hot).
-- Columns as in analytics/schema.py; tests/contract/test_schema_parity.py holds the two together.

CREATE TABLE analytics_inbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL,
    id uuid NOT NULL,
    event text NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    distinct_id text NOT NULL,
    url text,
    path text,
    title text,
    referrer text,
    referring_domain text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_term text,
    utm_content text,
    locale text,
    library text,
    properties text NOT NULL,
    link text,
    linked_id text,
    user_known integer NOT NULL,
    client_session text,
    user_agent text,
    ip text,
    person_set text,
    person_set_once text
);

-- Rows live for a second, so what vacuum finds is always the whole table: let it come early and cheaply.
ALTER TABLE analytics_inbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);

CREATE SEQUENCE analytics_event_sequence;

-- One partition a day of storing (not of happening: an import of fifteen years must not make 5,000 of them).
CREATE TABLE analytics_event (
    stored_on date NOT NULL,
    sequence bigint NOT NULL,
    project_id integer NOT NULL,
    id uuid NOT NULL,
    event text NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    distinct_id text NOT NULL,
    person_id bigint NOT NULL,
    session_id bigint,
    url text,
    path text,
    title text,
    referrer text,
    referring_domain text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_term text,
    utm_content text,
    browser text,
    os text,
    device text,
    country text,
    locale text,
    library text,
    properties text NOT NULL
) PARTITION BY RANGE (stored_on);

CREATE INDEX analytics_event_id ON analytics_event (id);
CREATE INDEX analytics_event_sequence_order ON analytics_event (sequence);
CREATE INDEX analytics_event_person ON analytics_event (person_id, "timestamp");

-- Spool files whose rows are in the inbox: named in the transaction that put them there, so none is replayed twice.
CREATE TABLE analytics_spool_replayed (
    name text PRIMARY KEY,
    replayed_at timestamp with time zone NOT NULL DEFAULT now()
);

-- Searching people by the beginning of a name, an address or an id.
CREATE INDEX person_search ON analytics_person (project_id, search text_pattern_ops) WHERE merged_into_id IS NULL;
