"""The quality check: a vision model says whether a picture may be sold. Nothing passes here unjudged."""

from pathlib import Path

from db import images as image_rows
from db import tasks as task_rows
from db.records import ImageRecord
from db.status import ImageStatus, Stage
from engine.context import JobContext
from engine.costs import CHECK_CALL
from engine.crash import crash_point
from engine.errors import ServiceError, StageError
from engine.imaging.thumbnail import check_jpeg
from engine.paid import language_charge, paid_call
from engine.providers.language import Answer
from engine.providers.language_replies import Verdict
from engine.providers.prompts_default import QUALITY_PROMPT
from engine.spending import PaidCall

UNCHECKED_REASON = "Auto-approved (quality checks disabled)"
TRIES = 3
"""An answer that cannot be read is asked for twice more."""


async def check_quality(context: JobContext, image: ImageRecord) -> bool:
    """Judge one picture, or pass it on unjudged where the settings say so. False when it was rejected.

    Raises StageError when the check itself failed: that is no verdict.
    """
    if not context.settings.ai.quality_check:
        async with context.database.transaction() as connection:
            await image_rows.skip_check(connection, image.image_id, UNCHECKED_REASON, context.now())
        return True
    language = context.services.language()
    model = context.settings.ai.quality_model or context.settings.prompt.openai_model
    prompt = context.inputs.quality_prompt or QUALITY_PROMPT
    assert image.original_file is not None, "a pending image has a file"
    jpeg = await context.compute(check_jpeg, Path(image.original_file))
    call = PaidCall(
        f"check:{image.image_id}",
        language.service,
        model,
        context.prices.call_cost_micros(model, CHECK_CALL) or 0,
    )

    async def send() -> Answer[Verdict]:
        crash_point("mid_check")
        return await language.check_image(jpeg, prompt, model)

    async def keep(answer: Answer[Verdict]) -> None:
        verdict, at = answer.value, context.now()
        async with context.database.transaction() as connection:
            await context.spending.settle(connection, call, language_charge(context, model, answer))
            if verdict.passed:
                await image_rows.pass_check(connection, image.image_id, verdict.reason, at)
            else:
                await image_rows.reject(connection, image.image_id, verdict.reason, at)
                await task_rows.mark_done_if_finished(connection, image.task_id, at)

    try:
        answer = await context.caller.repeat(
            lambda: paid_call(context, call, send, keep),
            service=language.service,
            attempts=TRIES,
            stage=Stage.QUALITY_CHECK,
            image=image.image_number,
        )
    except ServiceError as error:
        if error.code in ("key", "credit"):
            raise
        raise StageError(
            Stage.QUALITY_CHECK,
            f"The check gave no verdict: {error.message}",
            code=error.code,
            hint="The picture was not judged; retry the check, or look at it yourself.",
        ) from error
    verdict = answer.value
    if verdict.passed:
        context.log.info(f"Passed: {verdict.reason}", Stage.QUALITY_CHECK, image=image.image_number)
        return True
    context.log.warning(f"Rejected: {verdict.reason}", Stage.QUALITY_CHECK, image=image.image_number)
    is_retried = image.status is ImageStatus.PROCESSING
    context.image_changed(image.image_id, ImageStatus.RETRY_FAILED if is_retried else ImageStatus.QC_FAILED)
    return False
