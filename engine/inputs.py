"""The texts that a job was given beside its settings, kept with it so that a resumed job needs no file again."""

from pydantic import BaseModel, ConfigDict, ValidationError

from db.records import JsonObject
from engine.errors import InputError
from engine.retry_options import RetryOptions


class JobInputs(BaseModel):
    """Stored as JSON on the job; never changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keyword_source: str
    """The file that the keywords came from, or `built-in list`."""
    keyword_count: int
    draw_seed: int
    """Seed of the random keyword order."""
    columns: tuple[str, ...]
    template: str
    template_source: str
    quality_prompt: str | None = None
    """None: the built-in one."""
    metadata_prompt: str | None = None
    retry: RetryOptions | None = None
    """What a retry was asked to do; None for a job that makes pictures."""


def read_inputs(stored: JsonObject) -> JobInputs:
    """From a job's row. Raises InputError for what no version of this program has written."""
    try:
        return JobInputs.model_validate(stored)
    except ValidationError as error:
        fields = ", ".join(
            ".".join(str(part) for part in one["loc"]) for one in error.errors(include_url=False)
        )
        raise InputError(
            f"What the job was given cannot be read from the database: {fields}.",
            hint="The database is damaged there; put a backup back (gimf restore), or start the job anew.",
            code="damaged",
        ) from error
