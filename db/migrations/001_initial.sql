-- Times are UTC, ISO 8601 with milliseconds and a Z, so they sort as text.
-- Money is whole millionths of a US dollar (micros). Lists and objects are JSON text.
-- The CHECK constraints list the members of the enums in status.py; a test compares the two.

CREATE TABLE configurations (
    configuration_id INTEGER PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE CHECK (length(trim(name)) > 0),
    settings         TEXT NOT NULL CHECK (json_valid(settings)),
    is_default       INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX configurations_one_default ON configurations (is_default) WHERE is_default = 1;

CREATE TABLE jobs (
    job_number         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id             TEXT NOT NULL UNIQUE,
    kind               TEXT NOT NULL CHECK (kind IN ('generate', 'retry')),
    label              TEXT NOT NULL,
    status             TEXT NOT NULL CHECK (status IN
                           ('queued', 'running', 'paused', 'completed', 'failed', 'stopped', 'interrupted')),
    configuration_name TEXT,
    parent_job_id      TEXT REFERENCES jobs (job_id) ON DELETE SET NULL,
    planned_images     INTEGER NOT NULL DEFAULT 0,
    estimate_micros    INTEGER NOT NULL DEFAULT 0,
    budget_micros      INTEGER CHECK (budget_micros >= 0),          -- the job pauses before the call that would pass it
    output_dir         TEXT NOT NULL,
    queue_position     INTEGER,
    paused_at          TEXT,
    pause_code         TEXT,
    pause_message      TEXT,
    pause_hint         TEXT,
    error_stage        TEXT CHECK (error_stage IN
                           ('preflight', 'prompt', 'generate', 'download', 'quality_check', 'remove_background', 'trim', 'enhance',
                            'convert', 'metadata', 'save')),
    error_code         TEXT,
    error_message      TEXT,
    error_hint         TEXT,
    created_at         TEXT NOT NULL,
    started_at         TEXT,
    finished_at        TEXT,
    active_ms          INTEGER NOT NULL DEFAULT 0,                  -- time at work, without pauses and dead time
    deleted_at         TEXT,
    -- kept by triggers on images, tasks and ledger
    images             INTEGER NOT NULL DEFAULT 0,                  -- rows in images, of any status
    pending            INTEGER NOT NULL DEFAULT 0,
    approved           INTEGER NOT NULL DEFAULT 0,
    qc_failed          INTEGER NOT NULL DEFAULT 0,
    failed             INTEGER NOT NULL DEFAULT 0,
    retry_pending      INTEGER NOT NULL DEFAULT 0,
    processing         INTEGER NOT NULL DEFAULT 0,
    retry_failed       INTEGER NOT NULL DEFAULT 0,
    trashed            INTEGER NOT NULL DEFAULT 0,
    lost               INTEGER NOT NULL DEFAULT 0,                  -- images asked for by tasks that failed or were cancelled
    missing            INTEGER NOT NULL DEFAULT 0,                  -- images that a finished task did not deliver
    unknown            INTEGER NOT NULL DEFAULT 0,                  -- images asked for by tasks in state unknown
    actual_micros      INTEGER NOT NULL DEFAULT 0,
    committed_micros   INTEGER NOT NULL DEFAULT 0,
    unknown_micros     INTEGER NOT NULL DEFAULT 0,
    CHECK ((status = 'queued') = (queue_position IS NOT NULL))
) STRICT;

CREATE INDEX jobs_by_status ON jobs (status, job_number);
CREATE INDEX jobs_by_created ON jobs (created_at, job_number);
CREATE UNIQUE INDEX jobs_queue ON jobs (queue_position) WHERE queue_position IS NOT NULL;

CREATE UNIQUE INDEX jobs_one_running ON jobs (status) WHERE status = 'running';
CREATE INDEX jobs_by_label ON jobs (label COLLATE NOCASE, job_number);
CREATE INDEX jobs_by_duration ON jobs (active_ms, job_number);
CREATE INDEX jobs_by_images ON jobs (images, job_number);
CREATE INDEX jobs_by_parent ON jobs (parent_job_id) WHERE parent_job_id IS NOT NULL;

-- Apart from the job, whose counters change with every image: prompt files and keywords may be large.
CREATE TABLE job_snapshots (
    job_id   TEXT PRIMARY KEY REFERENCES jobs (job_id) ON DELETE CASCADE,
    settings TEXT NOT NULL CHECK (json_valid(settings)),            -- as run
    inputs   TEXT NOT NULL CHECK (json_valid(inputs))               -- texts of the prompt files, keyword source, draw seed
) STRICT;

CREATE TRIGGER job_snapshots_are_immutable BEFORE UPDATE ON job_snapshots
BEGIN SELECT RAISE(ABORT, 'a job''s snapshot never changes'); END;

CREATE TRIGGER jobs_keep_their_identity BEFORE UPDATE OF job_id, kind ON jobs
WHEN old.job_id <> new.job_id OR old.kind <> new.kind
BEGIN SELECT RAISE(ABORT, 'a job keeps its id and kind'); END;

CREATE TABLE generations (
    generation_id    INTEGER PRIMARY KEY,
    job_id           TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    generation_index INTEGER NOT NULL CHECK (generation_index >= 0),
    keyword          TEXT NOT NULL,
    keyword_row      TEXT NOT NULL CHECK (json_valid(keyword_row)),  -- column -> value
    prompt           TEXT CHECK (length(trim(prompt)) > 0),
    aspect_ratio     TEXT NOT NULL,
    width            INTEGER NOT NULL,
    height           INTEGER NOT NULL,
    seed             INTEGER,
    created_at       TEXT NOT NULL,
    UNIQUE (job_id, generation_index)
) STRICT;

CREATE TABLE tasks (
    task_id          INTEGER PRIMARY KEY,
    generation_id    INTEGER NOT NULL REFERENCES generations (generation_id) ON DELETE CASCADE,
    job_id           TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    task_index       INTEGER NOT NULL CHECK (task_index >= 0),
    provider         TEXT NOT NULL,
    model            TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN
                         ('planned', 'prompted', 'submitting', 'submitted', 'ready', 'downloaded', 'done',
                          'unknown', 'failed', 'cancelled')),
    request_key      TEXT NOT NULL UNIQUE,                          -- our own uuid4; Runware takes it as its task id
    provider_task_id TEXT,
    images_requested INTEGER NOT NULL CHECK (images_requested > 0),
    images_received  INTEGER CHECK (images_received >= 0),
    outputs          TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(outputs)),
    estimate_micros  INTEGER NOT NULL DEFAULT 0,
    cost_micros      INTEGER,
    submissions      INTEGER NOT NULL DEFAULT 0,
    error_stage      TEXT CHECK (error_stage IN
                         ('preflight', 'prompt', 'generate', 'download', 'quality_check', 'remove_background', 'trim', 'enhance',
                          'convert', 'metadata', 'save')),
    error_code       TEXT,
    error_message    TEXT,
    error_hint       TEXT,
    submitted_at     TEXT,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    UNIQUE (generation_id, task_index)
) STRICT;

CREATE INDEX tasks_by_job ON tasks (job_id, state, task_id);
CREATE INDEX tasks_submitting ON tasks (task_id) WHERE state = 'submitting';
CREATE INDEX tasks_unknown ON tasks (task_id) WHERE state = 'unknown';
CREATE INDEX tasks_by_submission ON tasks (provider, submitted_at) WHERE provider_task_id IS NOT NULL;

CREATE TABLE images (
    image_id          INTEGER PRIMARY KEY,
    job_id            TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    generation_id     INTEGER NOT NULL,                              -- its task's; a key of its own would need one more index
    task_id           INTEGER NOT NULL REFERENCES tasks (task_id) ON DELETE CASCADE,
    task_position     INTEGER NOT NULL CHECK (task_position >= 0),
    image_number      INTEGER NOT NULL CHECK (image_number > 0),    -- within its job, in file names
    status            TEXT NOT NULL CHECK (status IN
                          ('pending', 'approved', 'qc_failed', 'failed', 'retry_pending', 'processing',
                           'retry_failed', 'trashed')),
    is_trashed_with_job INTEGER NOT NULL DEFAULT 0 CHECK (is_trashed_with_job IN (0, 1)),
    previous_status   TEXT CHECK (previous_status IN                 -- what it was before the trash
                          ('pending', 'approved', 'qc_failed', 'failed', 'retry_pending', 'processing',
                           'retry_failed', 'trashed')),
    progress          TEXT CHECK (progress IN ('downloaded', 'checked', 'processed', 'described', 'saved')),
    stage             TEXT CHECK (stage IN
                          ('download', 'quality_check', 'remove_background', 'trim', 'enhance', 'convert',
                           'metadata', 'save')),
    error_code        TEXT,
    reason            TEXT,
    warnings          TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
    is_checked        INTEGER NOT NULL DEFAULT 0 CHECK (is_checked IN (0, 1)),  -- a quality check passed it
    approval          TEXT CHECK (approval IN ('checked', 'unchecked_by_settings', 'manual')),
    prompt            TEXT NOT NULL,
    keyword           TEXT NOT NULL,
    provider          TEXT NOT NULL,
    model             TEXT NOT NULL,
    provider_task_id  TEXT,
    seed              INTEGER,
    width             INTEGER,
    height            INTEGER,
    original_file     TEXT,
    original_sha256   TEXT,
    processed_file    TEXT,
    output_file       TEXT,
    title             TEXT,
    description       TEXT,
    tags              TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    cost_micros       INTEGER NOT NULL DEFAULT 0,
    replaces_image_id INTEGER REFERENCES images (image_id) ON DELETE SET NULL,
    created_at        TEXT NOT NULL,
    updated_at        TEXT NOT NULL,
    UNIQUE (task_id, task_position),
    UNIQUE (job_id, image_number),
    CHECK (status <> 'approved' OR (output_file IS NOT NULL AND approval IS NOT NULL)),
    CHECK (approval IS NOT 'checked' OR is_checked = 1),
    CHECK (status NOT IN ('failed', 'retry_failed') OR stage IS NOT NULL)
) STRICT;

CREATE INDEX images_by_job ON images (job_id, status, image_id, progress);
CREATE INDEX images_by_status ON images (status, image_id);
CREATE INDEX images_by_created ON images (created_at);
CREATE INDEX images_by_replaced ON images (replaces_image_id) WHERE replaces_image_id IS NOT NULL;
CREATE UNIQUE INDEX images_by_output ON images (output_file) WHERE output_file IS NOT NULL;

-- The prefix index answers the first letters of a word that is being typed.
CREATE VIRTUAL TABLE images_text USING fts5 (
    prompt, keyword, title, description, tags,
    content = 'images', content_rowid = 'image_id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

CREATE VIRTUAL TABLE images_words USING fts5vocab (images_text, instance);

CREATE TABLE log_entries (
    entry_id     INTEGER PRIMARY KEY,
    job_id       TEXT REFERENCES jobs (job_id) ON DELETE CASCADE,    -- NULL: the engine itself
    at           TEXT NOT NULL,
    level        TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    stage        TEXT,
    image_number INTEGER,
    message      TEXT NOT NULL,
    cause        TEXT,
    hint         TEXT
) STRICT;

CREATE INDEX log_entries_by_job ON log_entries (job_id, entry_id);

CREATE TABLE ledger (
    entry_id      INTEGER PRIMARY KEY,
    at            TEXT NOT NULL,
    job_id        TEXT REFERENCES jobs (job_id) ON DELETE SET NULL,
    call          TEXT NOT NULL,                                     -- task:12, prompt:7, check:31, metadata:31, background:31
    service       TEXT NOT NULL,
    model         TEXT NOT NULL,
    account       TEXT NOT NULL CHECK (account IN ('estimated', 'committed', 'actual', 'refunded', 'unknown')),
    amount_micros INTEGER NOT NULL,                                  -- signed; the sum over a call's accounts is where its money stands
    raw_amount    REAL,                                              -- as the service named it
    raw_unit      TEXT,
    note          TEXT
) STRICT;

CREATE INDEX ledger_by_job ON ledger (job_id, call);
CREATE INDEX ledger_by_at ON ledger (account, at, amount_micros);
CREATE INDEX ledger_committed ON ledger (job_id, call, service, model, amount_micros) WHERE account = 'committed';

CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO totals (name, value) VALUES
    ('images.pending', 0), ('images.approved', 0), ('images.qc_failed', 0), ('images.failed', 0),
    ('images.retry_pending', 0), ('images.processing', 0), ('images.retry_failed', 0), ('images.trashed', 0),
    ('jobs.queued', 0), ('jobs.running', 0), ('jobs.paused', 0), ('jobs.completed', 0),
    ('jobs.failed', 0), ('jobs.stopped', 0), ('jobs.interrupted', 0),
    ('jobs.started', 0), ('jobs.active_ms', 0),
    ('spend.estimated', 0), ('spend.committed', 0), ('spend.actual', 0), ('spend.refunded', 0), ('spend.unknown', 0);

-- The search index follows the texts.

CREATE TRIGGER images_text_insert AFTER INSERT ON images BEGIN
    INSERT INTO images_text (rowid, prompt, keyword, title, description, tags)
    VALUES (new.image_id, new.prompt, new.keyword, new.title, new.description, new.tags);
END;

CREATE TRIGGER images_text_delete AFTER DELETE ON images BEGIN
    INSERT INTO images_text (images_text, rowid, prompt, keyword, title, description, tags)
    VALUES ('delete', old.image_id, old.prompt, old.keyword, old.title, old.description, old.tags);
END;

CREATE TRIGGER images_text_update AFTER UPDATE OF prompt, keyword, title, description, tags ON images BEGIN
    INSERT INTO images_text (images_text, rowid, prompt, keyword, title, description, tags)
    VALUES ('delete', old.image_id, old.prompt, old.keyword, old.title, old.description, old.tags);
    INSERT INTO images_text (rowid, prompt, keyword, title, description, tags)
    VALUES (new.image_id, new.prompt, new.keyword, new.title, new.description, new.tags);
END;

-- A job's counters follow its images and tasks.

CREATE TRIGGER images_count_insert AFTER INSERT ON images BEGIN
    UPDATE jobs SET images = images + 1,
        pending = pending + (new.status = 'pending'),
        approved = approved + (new.status = 'approved'),
        qc_failed = qc_failed + (new.status = 'qc_failed'),
        failed = failed + (new.status = 'failed'),
        retry_pending = retry_pending + (new.status = 'retry_pending'),
        processing = processing + (new.status = 'processing'),
        retry_failed = retry_failed + (new.status = 'retry_failed'),
        trashed = trashed + (new.status = 'trashed')
    WHERE job_id = new.job_id;
    UPDATE totals SET value = value + 1 WHERE name = 'images.' || new.status;
END;

CREATE TRIGGER images_count_update AFTER UPDATE OF status ON images WHEN old.status <> new.status BEGIN
    UPDATE jobs SET
        pending = pending + (new.status = 'pending') - (old.status = 'pending'),
        approved = approved + (new.status = 'approved') - (old.status = 'approved'),
        qc_failed = qc_failed + (new.status = 'qc_failed') - (old.status = 'qc_failed'),
        failed = failed + (new.status = 'failed') - (old.status = 'failed'),
        retry_pending = retry_pending + (new.status = 'retry_pending') - (old.status = 'retry_pending'),
        processing = processing + (new.status = 'processing') - (old.status = 'processing'),
        retry_failed = retry_failed + (new.status = 'retry_failed') - (old.status = 'retry_failed'),
        trashed = trashed + (new.status = 'trashed') - (old.status = 'trashed')
    WHERE job_id = new.job_id;
    UPDATE totals SET value = value - 1 WHERE name = 'images.' || old.status;
    UPDATE totals SET value = value + 1 WHERE name = 'images.' || new.status;
END;

CREATE TRIGGER images_count_delete AFTER DELETE ON images BEGIN
    UPDATE jobs SET images = images - 1,
        pending = pending - (old.status = 'pending'),
        approved = approved - (old.status = 'approved'),
        qc_failed = qc_failed - (old.status = 'qc_failed'),
        failed = failed - (old.status = 'failed'),
        retry_pending = retry_pending - (old.status = 'retry_pending'),
        processing = processing - (old.status = 'processing'),
        retry_failed = retry_failed - (old.status = 'retry_failed'),
        trashed = trashed - (old.status = 'trashed')
    WHERE job_id = old.job_id;
    UPDATE totals SET value = value - 1 WHERE name = 'images.' || old.status;
END;

CREATE TRIGGER tasks_count_insert AFTER INSERT ON tasks WHEN new.state NOT IN ('planned', 'prompted') BEGIN
    UPDATE jobs SET
        lost = lost + (new.state IN ('failed', 'cancelled')) * new.images_requested,
        missing = missing + (new.state IN ('downloaded', 'done')) * max(0, new.images_requested - coalesce(new.images_received, 0)),
        unknown = unknown + (new.state = 'unknown') * new.images_requested
    WHERE job_id = new.job_id;
END;

CREATE TRIGGER tasks_count_update AFTER UPDATE OF state, images_received ON tasks
WHEN old.state IN ('failed', 'cancelled', 'unknown', 'downloaded', 'done')
    OR new.state IN ('failed', 'cancelled', 'unknown', 'downloaded', 'done')
BEGIN
    UPDATE jobs SET
        lost = lost + (new.state IN ('failed', 'cancelled')) * new.images_requested
            - (old.state IN ('failed', 'cancelled')) * old.images_requested,
        missing = missing + (new.state IN ('downloaded', 'done')) * max(0, new.images_requested - coalesce(new.images_received, 0))
            - (old.state IN ('downloaded', 'done')) * max(0, old.images_requested - coalesce(old.images_received, 0)),
        unknown = unknown + (new.state = 'unknown') * new.images_requested
            - (old.state = 'unknown') * old.images_requested
    WHERE job_id = new.job_id;
END;

CREATE TRIGGER tasks_count_delete AFTER DELETE ON tasks BEGIN
    UPDATE jobs SET
        lost = lost - (old.state IN ('failed', 'cancelled')) * old.images_requested,
        missing = missing - (old.state IN ('downloaded', 'done')) * max(0, old.images_requested - coalesce(old.images_received, 0)),
        unknown = unknown - (old.state = 'unknown') * old.images_requested
    WHERE job_id = old.job_id;
END;

-- The totals of jobs leave out deleted ones; average duration is jobs.active_ms by jobs.started.

CREATE TRIGGER jobs_total_insert AFTER INSERT ON jobs WHEN new.deleted_at IS NULL BEGIN
    UPDATE totals SET value = value + 1 WHERE name = 'jobs.' || new.status;
    UPDATE totals SET value = value + (new.started_at IS NOT NULL) WHERE name = 'jobs.started';
    UPDATE totals SET value = value + new.active_ms WHERE name = 'jobs.active_ms';
END;

CREATE TRIGGER jobs_total_update AFTER UPDATE OF status, started_at, active_ms, deleted_at ON jobs BEGIN
    UPDATE totals SET value = value - (old.deleted_at IS NULL) WHERE name = 'jobs.' || old.status;
    UPDATE totals SET value = value + (new.deleted_at IS NULL) WHERE name = 'jobs.' || new.status;
    UPDATE totals SET value = value - (old.deleted_at IS NULL AND old.started_at IS NOT NULL)
        + (new.deleted_at IS NULL AND new.started_at IS NOT NULL) WHERE name = 'jobs.started';
    UPDATE totals SET value = value - (old.deleted_at IS NULL) * old.active_ms
        + (new.deleted_at IS NULL) * new.active_ms WHERE name = 'jobs.active_ms';
END;

CREATE TRIGGER jobs_total_delete AFTER DELETE ON jobs WHEN old.deleted_at IS NULL BEGIN
    UPDATE totals SET value = value - 1 WHERE name = 'jobs.' || old.status;
    UPDATE totals SET value = value - (old.started_at IS NOT NULL) WHERE name = 'jobs.started';
    UPDATE totals SET value = value - old.active_ms WHERE name = 'jobs.active_ms';
END;

-- Money: booked once, never changed; a removed job leaves its entries without its id.

CREATE TRIGGER ledger_sums AFTER INSERT ON ledger BEGIN
    UPDATE jobs SET
        actual_micros = actual_micros + (new.account = 'actual') * new.amount_micros,
        committed_micros = committed_micros + (new.account = 'committed') * new.amount_micros,
        unknown_micros = unknown_micros + (new.account = 'unknown') * new.amount_micros
    WHERE job_id = new.job_id;
    UPDATE totals SET value = value + new.amount_micros WHERE name = 'spend.' || new.account;
END;

CREATE TRIGGER ledger_is_append_only_update BEFORE UPDATE ON ledger
WHEN new.job_id IS NOT NULL OR new.entry_id <> old.entry_id OR new.at <> old.at OR new.call <> old.call
    OR new.service <> old.service OR new.model <> old.model OR new.account <> old.account
    OR new.amount_micros <> old.amount_micros OR new.raw_amount IS NOT old.raw_amount
    OR new.raw_unit IS NOT old.raw_unit OR new.note IS NOT old.note
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

CREATE TRIGGER ledger_is_append_only_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
