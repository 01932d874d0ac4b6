"""The names that users give to jobs and configurations: what is allowed, and what a rerun is called."""

from engine.errors import Problem, SettingsError
from engine.text import clean_text
from engine.views import JobView

LABEL_LIMIT = 200


def checked_label(text: str) -> str:
    """Cleaned of control characters. Raises SettingsError for an empty or overlong one."""
    label = clean_text(text).strip()
    if not label or len(label) > LABEL_LIMIT:
        raise SettingsError(
            [Problem("label", f"A name has 1 to {LABEL_LIMIT} characters.", hint="Choose another one.")]
        )
    return label


def label_problems(text: str | None) -> tuple[Problem, ...]:
    """What is wrong with the name of a job that is planned; no name is right, it gets one."""
    try:
        checked_label(text or "unnamed")
    except SettingsError as error:
        return error.problems
    return ()


def rerun_label(original: JobView) -> str:
    """`<label> (rerun <first 6 of the job id>)`, cut to the limit."""
    suffix = f" (rerun {original.job_id[:6]})"
    return original.label[: LABEL_LIMIT - len(suffix)] + suffix


def regeneration_label(label: str, images: int) -> str:
    """`<label> (12 regenerated)`, cut to the limit."""
    suffix = f" ({images} regenerated)"
    return label[: LABEL_LIMIT - len(suffix)] + suffix
