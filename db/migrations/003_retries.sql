-- One row for every image in every retry: what it was before, and what came of it. The state follows the image's
-- status by trigger, so the two can never tell different stories.
CREATE TABLE retries (
    retry_id     INTEGER PRIMARY KEY,
    job_id       TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,     -- the retry's job, not the image's own
    image_id     INTEGER NOT NULL REFERENCES images (image_id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL CHECK (attempt > 0),                         -- of the image, from 1
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'working', 'approved', 'failed', 'trashed', 'cancelled')),
    image_before TEXT NOT NULL CHECK (json_valid(image_before)),               -- status, stage, error_code, reason, progress, is_checked
    used         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(used)),          -- the settings it was worked on with
    stage        TEXT CHECK (stage IN
                     ('download', 'quality_check', 'remove_background', 'trim', 'enhance', 'convert',
                      'metadata', 'save')),
    error_code   TEXT,
    reason       TEXT,
    created_at   TEXT NOT NULL,
    started_at   TEXT,
    finished_at  TEXT,
    UNIQUE (job_id, image_id)
) STRICT;

CREATE UNIQUE INDEX retries_one_at_a_time ON retries (image_id) WHERE state IN ('waiting', 'working');
CREATE INDEX retries_by_image ON retries (image_id, retry_id);
CREATE INDEX retries_by_job ON retries (job_id, state, retry_id);

CREATE TRIGGER retries_follow_images AFTER UPDATE OF status ON images
WHEN old.status <> new.status AND old.status IN ('retry_pending', 'processing') BEGIN
    UPDATE retries SET
        state = CASE new.status WHEN 'retry_pending' THEN 'waiting' WHEN 'processing' THEN 'working'
            WHEN 'approved' THEN 'approved' WHEN 'retry_failed' THEN 'failed' WHEN 'trashed' THEN 'trashed'
            ELSE 'cancelled' END,
        stage = new.stage, error_code = new.error_code, reason = new.reason,
        started_at = CASE new.status WHEN 'processing' THEN coalesce(started_at, new.updated_at) ELSE started_at END,
        finished_at = CASE WHEN new.status NOT IN ('retry_pending', 'processing') THEN new.updated_at END
    WHERE image_id = new.image_id AND state IN ('waiting', 'working');
END;

-- The counters of a retry's job are those of the images that it works on.

CREATE TRIGGER retries_count_insert AFTER INSERT ON retries BEGIN
    UPDATE jobs SET images = images + 1,
        retry_pending = retry_pending + (new.state = 'waiting'),
        processing = processing + (new.state = 'working'),
        approved = approved + (new.state = 'approved'),
        retry_failed = retry_failed + (new.state = 'failed'),
        trashed = trashed + (new.state = 'trashed')
    WHERE job_id = new.job_id;
END;

CREATE TRIGGER retries_count_update AFTER UPDATE OF state ON retries WHEN old.state <> new.state BEGIN
    UPDATE jobs SET
        retry_pending = retry_pending + (new.state = 'waiting') - (old.state = 'waiting'),
        processing = processing + (new.state = 'working') - (old.state = 'working'),
        approved = approved + (new.state = 'approved') - (old.state = 'approved'),
        retry_failed = retry_failed + (new.state = 'failed') - (old.state = 'failed'),
        trashed = trashed + (new.state = 'trashed') - (old.state = 'trashed')
    WHERE job_id = new.job_id;
END;

CREATE TRIGGER retries_count_delete AFTER DELETE ON retries BEGIN
    UPDATE jobs SET images = images - 1,
        retry_pending = retry_pending - (old.state = 'waiting'),
        processing = processing - (old.state = 'working'),
        approved = approved - (old.state = 'approved'),
        retry_failed = retry_failed - (old.state = 'failed'),
        trashed = trashed - (old.state = 'trashed')
    WHERE job_id = old.job_id;
END;

-- A generation that was ordered to replace an image has its prompt from it.
ALTER TABLE generations ADD COLUMN replaces_image_id INTEGER REFERENCES images (image_id) ON DELETE SET NULL;
CREATE INDEX generations_by_replaced ON generations (replaces_image_id) WHERE replaces_image_id IS NOT NULL;

-- When the user decided what is to become of a task that ended without pictures; NULL: nobody has.
ALTER TABLE tasks ADD COLUMN decided_at TEXT;
CREATE INDEX tasks_undecided ON tasks (task_id) WHERE state IN ('unknown', 'failed') AND decided_at IS NULL;
