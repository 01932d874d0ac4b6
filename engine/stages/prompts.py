"""A generation's prompt: the template with its row filled in, put to the language model."""

from db import generations as generation_rows
from db.records import GenerationRecord, RecordedError
from db.status import Stage
from engine.context import JobContext
from engine.costs import PROMPT_CALL
from engine.crash import crash_point
from engine.errors import FactoryError, ServiceError, StageError
from engine.paid import language_charge, paid_call
from engine.providers.language import Answer
from engine.providers.prompts_default import PROMPT_SYSTEM
from engine.spending import PaidCall
from engine.templates import Template


async def write_prompt(context: JobContext, generation: GenerationRecord) -> str:
    """Ask for the prompt and store it; the generation's tasks become prompted. Raises StageError."""
    language = context.services.language()
    settings = context.settings.prompt
    model = settings.openai_model
    template = Template.parse(context.inputs.template, source=context.inputs.template_source)
    text = template.render(generation.keyword_row, generation.keyword)
    call = PaidCall(
        name=f"prompt:{generation.generation_id}",
        service=language.service,
        model=model,
        estimate_micros=context.prices.call_cost_micros(model, PROMPT_CALL) or 0,
    )

    async def send() -> Answer[str]:
        return await language.write_prompt(PROMPT_SYSTEM, text, model, settings.temperature)

    async def keep(answer: Answer[str]) -> None:
        crash_point("after_prompt")
        async with context.database.transaction() as connection:
            await context.spending.settle(connection, call, language_charge(context, model, answer))
            await generation_rows.set_prompt(
                connection, generation.generation_id, answer.value, context.now()
            )

    try:
        answer = await context.caller.repeat(
            lambda: paid_call(context, call, send, keep),
            service=language.service,
            attempts=context.settings.generation.attempts,
            stage=Stage.PROMPT,
        )
    except ServiceError as error:
        if error.code in ("key", "credit"):
            raise
        await _fail(context, generation, error)
        raise StageError(Stage.PROMPT, error.message, code=error.code, hint=error.hint) from error
    context.log.info(
        f"Prompt {generation.generation_index + 1} written for “{generation.keyword}”: {answer.value}",
        Stage.PROMPT,
    )
    return answer.value


async def _fail(context: JobContext, generation: GenerationRecord, error: FactoryError) -> None:
    recorded = RecordedError(Stage.PROMPT, error.code, error.message, error.hint)
    async with context.database.transaction() as connection:
        await generation_rows.fail_prompt(connection, generation.generation_id, recorded, context.now())
