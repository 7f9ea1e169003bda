-- One due delivery, leased: its due time moves ahead, so no other worker takes it until the lease ends.
-- SKIP LOCKED lets workers that claim in the same moment take different rows instead of waiting for each other.
UPDATE outbox_delivery
SET attempts = attempts + 1, due_at = now() + %(lease)s
WHERE id = (
    SELECT id FROM outbox_delivery
    -- The state is a literal as in the partial index delivery_due: the planner could not match a parameter to it.
    WHERE state = 'waiting' AND due_at <= now()
    -- First attempts go first: retries to receivers that hang must not hold up everybody else.
    ORDER BY attempts, due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING *
