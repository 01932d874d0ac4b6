-- What was taken over from another program, so that it is never taken over twice, also after it was renamed, changed or
-- removed for good here. No foreign keys: the memory outlives what it remembers.
CREATE TABLE imported (
    origin      TEXT PRIMARY KEY,      -- what the row was there, such as electron:image:<its id>
    target      TEXT NOT NULL,         -- what it became: a configuration's name, a job_id, an image_id
    imported_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
