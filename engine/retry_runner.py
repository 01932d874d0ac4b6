"""One retry, from its rows to its rows: images of earlier jobs go on from where they failed, each with the settings of
its own job.

Resuming is the same as running: what a step has committed decides where an image goes on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from db import images as image_rows
from db import jobs as job_rows
from db import retries as retry_rows
from db.records import ImageRecord, JobRecord, RetryRecord
from db.status import ImageStatus, Progress, RetryState
from db.status import Stage as Where
from engine.context import JobContext
from engine.errors import FactoryError, PauseRequired, StageError
from engine.failures import is_fatal, pause_for, stage_error_of
from engine.image_line import ImageLine, Opened, fail_image, make_stage
from engine.pipeline import Pipeline
from engine.retry_options import ImageBefore, RetryOptions
from engine.runner import DOWNLOAD_WORKERS, PAGE
from engine.stages.download import fetch_again
from engine.stages.metadata import describe
from engine.stages.save import save

UNCHECKED_REASON = "Approved by a retry without a check, as asked for"


class RetryRunner:
    """Runs one retry once; built anew for every resume. `make_context` makes that of an image's own job."""

    def __init__(
        self,
        context: JobContext,
        make_context: Callable[[JobRecord], Awaitable[JobContext]],
        *,
        on_pause: Callable[[PauseRequired], Awaitable[None]],
        on_still: Callable[[], None],
    ) -> None:
        self._context = context
        self._make_context = make_context
        self._options = context.inputs.retry or RetryOptions()
        self._own: dict[str, JobContext] = {}
        self._as_retried: dict[tuple[str, bool], JobContext] = {}
        self._line = ImageLine(self._open, describe=self._describe, save=self._save, fail=self._fail)
        self._downloads = make_stage(
            "downloads", DOWNLOAD_WORKERS, self._line.step(self._download, Where.DOWNLOAD)
        )
        self._pipeline = Pipeline(
            (self._downloads, *self._line.stages), context.gate, on_pause=on_pause, on_still=on_still
        )

    @property
    def is_still(self) -> bool:
        """Whether nothing moves in any stage."""
        return self._pipeline.is_still

    async def run(self) -> None:
        """Work through every image that the retry's rows leave to do. Cancelling leaves each as its row says."""
        await self._pipeline.run(self._feed)

    async def cancel_pending(self) -> int:
        """A retry has nothing at a provider that could be taken back."""
        return 0

    # ---- feeding

    async def _feed(self) -> None:
        for state in (RetryState.WORKING, RetryState.WAITING):
            after = 0
            while True:
                async with self._context.database.reading() as connection:
                    page = await retry_rows.unfinished(
                        connection, self._context.job.job_id, state, after, PAGE
                    )
                if not page:
                    break
                for retry in page:
                    after = retry.retry_id
                    await self._feed_one(retry)

    async def _feed_one(self, retry: RetryRecord) -> None:
        image = await self._context.image(retry.image_id)
        progress = image.progress
        if retry.state is RetryState.WAITING:
            await self._context.gate.wait()
            try:
                own = await self._own_context(image.job_id)
            except (FactoryError, OSError) as error:
                if pause_for(error) is not None or is_fatal(error):
                    raise
                await self._fail(self._context, image, stage_error_of(error, Where.SAVE))
                return
            before = ImageBefore.read(retry.image_before)
            progress = self._options.start_for(
                before,
                own.settings,
                has_original=image.original_file is not None,
                has_processed=await self._context.compute(_has_processed, image),
            )
            async with self._context.database.transaction() as connection:
                is_begun = await retry_rows.begin(
                    connection,
                    image.image_id,
                    progress,
                    self._context.now(),
                    forgets_check=self._options.wants_check(before, own.settings),
                )
            if not is_begun:
                return  # trashed meanwhile
            own.image_changed(image.image_id, ImageStatus.PROCESSING)
        stage = self._downloads if progress is None else self._line.after(progress)
        await stage.put(image.image_id)

    # ---- the stages' work

    async def _open(self, image_id: int) -> Opened | None:
        image = await self._context.image(image_id)
        retry = await self._retry_of(image)
        if image.status is not ImageStatus.PROCESSING or retry is None:
            return None
        own = await self._own_context(image.job_id)
        wants_check = self._options.wants_check(ImageBefore.read(retry.image_before), own.settings)
        key = image.job_id, wants_check
        if key not in self._as_retried:
            settings = self._options.settings_for(own.settings, wants_check=wants_check)
            self._as_retried[key] = replace(own, settings=settings, rules=self._options.rules)
        return self._as_retried[key], image

    async def _retry_of(self, image: ImageRecord) -> RetryRecord | None:
        async with self._context.database.reading() as connection:
            retry = await retry_rows.active(connection, image.image_id)
        return retry if retry is not None and retry.job_id == self._context.job.job_id else None

    async def _own_context(self, job_id: str) -> JobContext:
        """That of the image's own job, with the money, the log and the gate of the retry."""
        if job_id not in self._own:
            async with self._context.database.reading() as connection:
                job = await job_rows.get(connection, job_id)
            assert job is not None, "an image's job exists"
            retry = self._context
            self._own[job_id] = replace(
                await self._make_context(job),
                log=replace(retry.log, prefix=f"#{job.job_number} {job.label}: "),
                spending=retry.spending,
                caller=retry.caller,
                gate=retry.gate,
                paid_calls=retry.paid_calls,
                unkept=retry.unkept,
            )
        return self._own[job_id]

    async def _download(self, context: JobContext, image: ImageRecord) -> None:
        if image.original_file is None:
            await fetch_again(context, image)
        await self._line.checks.put(image.image_id)

    async def _describe(self, context: JobContext, image: ImageRecord) -> None:
        if image.title is None or self._options.writes_metadata_again:
            await describe(context, image)
            return
        async with context.database.transaction() as connection:
            await image_rows.skip_description(connection, image.image_id, context.now())

    async def _save(self, context: JobContext, image: ImageRecord) -> None:
        retry = await self._retry_of(image)
        if retry is None:
            return
        before = ImageBefore.read(retry.image_before)
        is_unasked = self._options.checks_again is False and not image.is_checked
        reason = None
        if is_unasked:
            reason = UNCHECKED_REASON
        elif (
            not context.settings.ai.quality_check and before.stage is not None
        ):  # the check's own reason is gone
            reason = f"Approved by a retry; {before.stage.value.replace('_', ' ')} had failed"
        await save(context, image, is_manual=is_unasked, reason=reason)
        if (await context.image(image.image_id)).status is ImageStatus.APPROVED:
            self._tell_own_job(context, image, "approved")

    async def _fail(self, context: JobContext, image: ImageRecord, error: StageError) -> None:
        await fail_image(context, image, error, rewinds=self._options.changes_processing)
        self._tell_own_job(context, image, f"failed again: {error.message}")

    def _tell_own_job(self, context: JobContext, image: ImageRecord, outcome: str) -> None:
        """One line in the log of the job that the image is from."""
        number = self._context.job.job_number
        context.log.book.for_job(image.job_id).info(
            f"Retried in job #{number}: {outcome}.", image=image.image_number
        )


def _has_processed(image: ImageRecord) -> bool:
    """False where a step had made a picture of its own that is gone."""
    is_beyond = image.progress in (Progress.PROCESSED, Progress.DESCRIBED, Progress.SAVED)
    return not is_beyond or image.processed_file is None or Path(image.processed_file).exists()
