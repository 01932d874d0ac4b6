"""Title, description and tags of a picture, from a vision model. A failure here is a warning on the image, no more,
unless the rules of a retry say otherwise."""

from pathlib import Path

from db import images as image_rows
from db.records import ImageRecord
from db.status import Stage
from engine.context import JobContext
from engine.costs import METADATA_CALL
from engine.crash import crash_point
from engine.errors import ServiceError, StageError
from engine.imaging.thumbnail import check_jpeg
from engine.paid import language_charge, paid_call
from engine.providers.language import Answer
from engine.providers.language_replies import Description
from engine.providers.prompts_default import METADATA_PROMPT
from engine.rules import FailureRule
from engine.spending import PaidCall
from engine.templates import Template


async def describe(context: JobContext, image: ImageRecord) -> None:
    """Ask for title, description and tags and store them; where the settings leave them out, only step on.

    Raises StageError where the rules let an image without them fail.
    """
    if not context.settings.ai.metadata:
        async with context.database.transaction() as connection:
            await image_rows.skip_description(connection, image.image_id, context.now())
        return
    language = context.services.language()
    model = context.settings.ai.metadata_model or context.settings.prompt.openai_model
    prompt = Template.parse(
        context.inputs.metadata_prompt or METADATA_PROMPT, source="metadata prompt"
    ).render({}, image.keyword)
    source = image.processed_file or image.original_file
    assert source is not None, "a pending image has a file"
    jpeg = await context.compute(check_jpeg, Path(source))
    call = PaidCall(
        f"metadata:{image.image_id}",
        language.service,
        model,
        context.prices.call_cost_micros(model, METADATA_CALL) or 0,
    )

    async def send() -> Answer[Description]:
        crash_point("mid_metadata")
        return await language.describe_image(jpeg, prompt, image.keyword, model)

    async def keep(answer: Answer[Description]) -> None:
        description, at = answer.value, context.now()
        async with context.database.transaction() as connection:
            await context.spending.settle(connection, call, language_charge(context, model, answer))
            await image_rows.set_described(
                connection,
                image.image_id,
                title=description.title,
                description=description.description,
                tags=description.tags,
                at=at,
            )
            for note in description.notes:
                await image_rows.add_warning(connection, image.image_id, note, at)

    try:
        answer = await context.caller.repeat(
            lambda: paid_call(context, call, send, keep),
            service=language.service,
            attempts=context.settings.generation.attempts,
            stage=Stage.METADATA,
            image=image.image_number,
        )
    except ServiceError as error:
        if error.code in ("key", "credit"):
            raise
        warning = f"No title, description and tags: {error.message}"
        if context.rules.metadata is FailureRule.FAIL:
            raise StageError(Stage.METADATA, warning, code=error.code, hint=error.hint) from error
        async with context.database.transaction() as connection:
            await image_rows.add_warning(connection, image.image_id, warning, context.now())
            await image_rows.skip_description(connection, image.image_id, context.now())
        context.log.warning(
            warning,
            Stage.METADATA,
            image=image.image_number,
            cause=error.code,
            hint="The picture goes on without them; write them later.",
        )
        return
    context.log.info(f"Titled “{answer.value.title}”.", Stage.METADATA, image=image.image_number)
