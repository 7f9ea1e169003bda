-- How the batch's statements are planned.
-- work_mem: the batch is hashed and sorted in memory.
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;
-- Whatever is looked up in the big tables is a point, and their statistics lag behind while they grow.
SET LOCAL enable_bitmapscan = off;
