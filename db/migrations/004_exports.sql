-- What the agencies' sheets need and no model writes: one of the category names of the presets.
ALTER TABLE images ADD COLUMN category TEXT;

-- The title, description or tags were changed, and the delivered file may still hold the old ones.
ALTER TABLE images ADD COLUMN is_file_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_file_stale IN (0, 1));

CREATE INDEX images_stale ON images (image_id) WHERE is_file_stale = 1;

-- One row an export, from before its first byte: a killed one is found by the missing end.
CREATE TABLE exports (
    export_number INTEGER PRIMARY KEY,
    export_id     TEXT NOT NULL UNIQUE,
    folder        TEXT NOT NULL,
    is_chosen     INTEGER NOT NULL CHECK (is_chosen IN (0, 1)),     -- the folder was chosen for it, it is not the default one
    path          TEXT,                                             -- the finished file; NULL: none was left
    started_at    TEXT NOT NULL,
    ended_at      TEXT
) STRICT;

CREATE INDEX exports_unfinished ON exports (export_number) WHERE ended_at IS NULL;
