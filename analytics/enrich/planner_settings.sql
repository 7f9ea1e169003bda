-- Planner settings for the batch's statements.
-- work_mem: hash and sort the batch in memory.
SET LOCAL work_mem = '256MB';
-- Compiling would take longer than most of these statements.
SET LOCAL jit = off;
-- Look-ups in the big tables are by key. With statistics that lag behind, the planner would choose bitmap scans.
SET LOCAL enable_bitmapscan = off;
