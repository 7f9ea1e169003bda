-- What screens call a person, and what a search for them looks through. Functions, so that people who come and people
-- who change are named by one rule. Both are cut to what a B-tree index entry can hold.

CREATE FUNCTION analytics_person_name(properties jsonb, user_id text, any_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(btrim(coalesce(
        nullif(btrim(properties ->> 'name'), ''),
        nullif(btrim(concat_ws(' ',
            coalesce(properties ->> 'firstName', properties ->> 'first_name'),
            coalesce(properties ->> 'lastName', properties ->> 'last_name')
        )), ''),
        nullif(btrim(properties ->> 'email'), ''),
        nullif(btrim(properties ->> 'username'), ''),
        user_id,
        -- A long id is told by its end; a short one is a word, of which an end would be a riddle.
        'anonymous ' || CASE
            WHEN length(any_id) <= 12 THEN any_id
            ELSE right(regexp_replace(any_id, '[^[:alnum:]]', '', 'g'), 6)
        END
    )), 200)
$$;

CREATE FUNCTION analytics_person_search(name text, properties jsonb, ids text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(lower(concat_ws(' ', name, properties ->> 'email', ids)), 600)
$$;
