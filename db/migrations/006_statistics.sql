-- Counts and sums by quarter of an hour, so that statistics over a million images and their bookings need not read them.
-- A quarter is the beginning of a UTC time, 2026-01-31T08:15: every zone's midnight is the beginning of one. Like the
-- totals they are kept by triggers. No foreign keys: what was spent for a job that was removed stays spent.
CREATE TABLE image_quarters (
    quarter  TEXT NOT NULL,            -- in which the image came
    job_id   TEXT NOT NULL,
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    -- how many there are of each status
    pending       INTEGER NOT NULL,
    approved      INTEGER NOT NULL,
    qc_failed     INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    retry_pending INTEGER NOT NULL,
    processing    INTEGER NOT NULL,
    retry_failed  INTEGER NOT NULL,
    trashed       INTEGER NOT NULL,
    PRIMARY KEY (quarter, job_id, provider, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE spend_quarters (
    quarter TEXT NOT NULL,             -- in which it was booked
    job_id  TEXT NOT NULL,             -- '': no job
    service TEXT NOT NULL,
    model   TEXT NOT NULL,
    micros  INTEGER NOT NULL,          -- actual + committed + unknown
    PRIMARY KEY (quarter, job_id, service, model)
) STRICT, WITHOUT ROWID;

-- How long the steps of the first work on an image took, each from the commit of the step before to its own. Bands keep
-- the middle exact enough however long the longest took: a step over which the computer was off says nothing. By whole
-- days, since a quarter would have about as many bands as images.
CREATE TABLE step_days (
    day      TEXT NOT NULL,            -- UTC, on which the image came, 2026-01-31
    step     TEXT NOT NULL CHECK (step IN ('generate', 'quality_check', 'process', 'metadata', 'save')),
    band_ms  INTEGER NOT NULL,         -- the lower end: one digit and a half, such as 1000, 1500, 2000
    images   INTEGER NOT NULL,
    total_ms INTEGER NOT NULL,
    PRIMARY KEY (day, step, band_ms)
) STRICT, WITHOUT ROWID;

-- What was rejected or failed, and why; an image has a stage only while it stands so, or lies so in the trash.
CREATE INDEX images_by_reason ON images (stage, reason, error_code, status, created_at, job_id)
    WHERE stage IS NOT NULL;

CREATE TRIGGER image_quarters_insert AFTER INSERT ON images BEGIN
    INSERT INTO image_quarters
        (quarter, job_id, provider, model, pending, approved, qc_failed, failed, retry_pending, processing, retry_failed, trashed)
    VALUES (substr(new.created_at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(new.created_at, 15, 2) AS INTEGER) / 15), 2),
        new.job_id, new.provider, new.model,
        new.status = 'pending',
        new.status = 'approved',
        new.status = 'qc_failed',
        new.status = 'failed',
        new.status = 'retry_pending',
        new.status = 'processing',
        new.status = 'retry_failed',
        new.status = 'trashed')
    ON CONFLICT DO UPDATE SET
        pending = pending + excluded.pending,
        approved = approved + excluded.approved,
        qc_failed = qc_failed + excluded.qc_failed,
        failed = failed + excluded.failed,
        retry_pending = retry_pending + excluded.retry_pending,
        processing = processing + excluded.processing,
        retry_failed = retry_failed + excluded.retry_failed,
        trashed = trashed + excluded.trashed;
END;

CREATE TRIGGER image_quarters_update AFTER UPDATE OF status ON images WHEN old.status <> new.status BEGIN
    UPDATE image_quarters SET
        pending = pending + (new.status = 'pending') - (old.status = 'pending'),
        approved = approved + (new.status = 'approved') - (old.status = 'approved'),
        qc_failed = qc_failed + (new.status = 'qc_failed') - (old.status = 'qc_failed'),
        failed = failed + (new.status = 'failed') - (old.status = 'failed'),
        retry_pending = retry_pending + (new.status = 'retry_pending') - (old.status = 'retry_pending'),
        processing = processing + (new.status = 'processing') - (old.status = 'processing'),
        retry_failed = retry_failed + (new.status = 'retry_failed') - (old.status = 'retry_failed'),
        trashed = trashed + (new.status = 'trashed') - (old.status = 'trashed')
    WHERE quarter = substr(new.created_at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(new.created_at, 15, 2) AS INTEGER) / 15), 2)
        AND job_id = new.job_id AND provider = new.provider AND model = new.model;
END;

CREATE TRIGGER image_quarters_delete AFTER DELETE ON images BEGIN
    UPDATE image_quarters SET
        pending = pending - (old.status = 'pending'),
        approved = approved - (old.status = 'approved'),
        qc_failed = qc_failed - (old.status = 'qc_failed'),
        failed = failed - (old.status = 'failed'),
        retry_pending = retry_pending - (old.status = 'retry_pending'),
        processing = processing - (old.status = 'processing'),
        retry_failed = retry_failed - (old.status = 'retry_failed'),
        trashed = trashed - (old.status = 'trashed')
    WHERE quarter = substr(old.created_at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(old.created_at, 15, 2) AS INTEGER) / 15), 2)
        AND job_id = old.job_id AND provider = old.provider AND model = old.model;
END;

CREATE TRIGGER spend_quarters_insert AFTER INSERT ON ledger WHEN new.account IN ('actual', 'committed', 'unknown') BEGIN
    INSERT INTO spend_quarters (quarter, job_id, service, model, micros)
    VALUES (substr(new.at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(new.at, 15, 2) AS INTEGER) / 15), 2),
        coalesce(new.job_id, ''), new.service, new.model, new.amount_micros)
    ON CONFLICT DO UPDATE SET micros = micros + excluded.micros;
END;

-- The steps: from the sending of an order to its picture on the disk, then from step to step while the image is in its
-- first work. A step that the settings left out, and an image with a warning, whose step was cut short, do not count.

CREATE TRIGGER step_days_generate AFTER INSERT ON images WHEN new.progress = 'downloaded' BEGIN
    INSERT INTO step_days (day, step, band_ms, images, total_ms)
    SELECT day, step, ms * 2 / power * power / 2, 1, ms FROM (
        SELECT day, step, ms, CASE WHEN ms < 100 THEN 10 WHEN ms < 1000 THEN 100 WHEN ms < 10000 THEN 1000
            WHEN ms < 100000 THEN 10000 WHEN ms < 1000000 THEN 100000 ELSE 1000000 END AS power
        FROM (SELECT substr(new.created_at, 1, 10) AS day,
            'generate' AS step, CAST(round((julianday(new.created_at) - julianday(submitted_at)) * 86400000) AS INTEGER) AS ms
            FROM tasks WHERE task_id = new.task_id AND submitted_at <= new.created_at)
    )
    WHERE true ON CONFLICT DO UPDATE SET images = images + 1, total_ms = total_ms + excluded.total_ms;
END;

CREATE TRIGGER step_days_update AFTER UPDATE OF progress, status ON images
WHEN old.status = 'pending' AND new.warnings = '[]' AND old.updated_at <= new.updated_at
    AND (old.progress <> new.progress OR new.status = 'qc_failed')
BEGIN
    INSERT INTO step_days (day, step, band_ms, images, total_ms)
    SELECT day, step, ms * 2 / power * power / 2, 1, ms FROM (
        SELECT day, step, ms, CASE WHEN ms < 100 THEN 10 WHEN ms < 1000 THEN 100 WHEN ms < 10000 THEN 1000
            WHEN ms < 100000 THEN 10000 WHEN ms < 1000000 THEN 100000 ELSE 1000000 END AS power
        FROM (SELECT substr(new.created_at, 1, 10) AS day,
            CASE
                WHEN old.progress = 'downloaded' AND (new.is_checked = 1 OR new.status = 'qc_failed') THEN 'quality_check'
                WHEN old.progress = 'checked' AND new.progress = 'processed' THEN 'process'
                WHEN old.progress = 'processed' AND new.progress = 'described' AND new.title IS NOT NULL THEN 'metadata'
                WHEN old.progress = 'described' AND new.status = 'approved' THEN 'save'
            END AS step, CAST(round((julianday(new.updated_at) - julianday(old.updated_at)) * 86400000) AS INTEGER) AS ms)
    )
    WHERE step IS NOT NULL ON CONFLICT DO UPDATE SET images = images + 1, total_ms = total_ms + excluded.total_ms;
END;

-- What there is already. Of the steps only the first can still be told from the rows.

INSERT INTO image_quarters
    (quarter, job_id, provider, model, pending, approved, qc_failed, failed, retry_pending, processing, retry_failed, trashed)
SELECT substr(created_at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(created_at, 15, 2) AS INTEGER) / 15), 2) AS quarter,
    job_id, provider, model,
    sum(status = 'pending'),
    sum(status = 'approved'),
    sum(status = 'qc_failed'),
    sum(status = 'failed'),
    sum(status = 'retry_pending'),
    sum(status = 'processing'),
    sum(status = 'retry_failed'),
    sum(status = 'trashed')
FROM images GROUP BY quarter, job_id, provider, model;

INSERT INTO spend_quarters (quarter, job_id, service, model, micros)
SELECT substr(at, 1, 14) || substr('00153045', 1 + 2 * (CAST(substr(at, 15, 2) AS INTEGER) / 15), 2) AS quarter,
    coalesce(job_id, '') AS job, service, model, sum(amount_micros)
FROM ledger WHERE account IN ('actual', 'committed', 'unknown') GROUP BY quarter, job, service, model;

INSERT INTO step_days (day, step, band_ms, images, total_ms)
SELECT day, step, ms * 2 / power * power / 2, 1, ms FROM (
        SELECT day, step, ms, CASE WHEN ms < 100 THEN 10 WHEN ms < 1000 THEN 100 WHEN ms < 10000 THEN 1000
            WHEN ms < 100000 THEN 10000 WHEN ms < 1000000 THEN 100000 ELSE 1000000 END AS power
        FROM (SELECT substr(images.created_at, 1, 10) AS day,
            'generate' AS step, CAST(round((julianday(images.created_at) - julianday(submitted_at)) * 86400000) AS INTEGER) AS ms
            FROM images JOIN tasks USING (task_id)
            WHERE progress IS NOT NULL AND submitted_at <= images.created_at)
    )
WHERE true ON CONFLICT DO UPDATE SET images = images + 1, total_ms = total_ms + excluded.total_ms;
