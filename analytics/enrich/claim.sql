-- The oldest rows leave the inbox for a temporary table, and that is all that the later steps read of them.
-- work_mem: the batch is hashed and sorted in memory.
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;
-- Whatever is looked up in the big tables is a point, and their statistics lag behind while they grow.
SET LOCAL enable_bitmapscan = off;

CREATE TEMPORARY TABLE claimed (LIKE analytics_inbox, links boolean, names_user boolean, tells boolean) ON COMMIT DROP;
