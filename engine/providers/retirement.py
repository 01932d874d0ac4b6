"""When vendors switch models off: the announced dates and the sentence about them. The caller brings today.

Source: OpenAI's deprecations page and the notes in the `openai` package 3.54 (`types/shared/chat_model.py`),
read in 2026-11.
"""

import re
from datetime import date

NOTICE_DAYS = 60
"""From how long before its last day on a model is worth a warning."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")

_LANGUAGE_MODELS = {
    date(2026, 8, 10): ("gpt-5.3-chat-latest", "gpt-5.2-chat-latest"),
    date(2026, 7, 23): ("gpt-5.1-chat-latest", "gpt-5-chat-latest"),
    date(2026, 2, 17): ("chatgpt-4o-latest",),
    date(2026, 10, 23): (
        "gpt-4.1-nano",
        "gpt-4o-2024-05-13",
        "gpt-4-turbo",
        "gpt-4",
        "gpt-3.5-turbo",
        "o4-mini",
        "o3-mini",
        "o1",
    ),
    date(2026, 12, 11): ("gpt-5", "gpt-5-mini", "gpt-5-nano", "o3"),
    date(2027, 1, 14): ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"),
    date(2027, 4, 1): ("gpt-5.1", "gpt-5.4-nano"),
}
_LAST_DAY = {model: day for day, models in _LANGUAGE_MODELS.items() for model in models}


def base_model(model: str) -> str:
    """The model of a dated snapshot: `gpt-5` for `gpt-5-2025-08-07`; any other name as it is."""
    return _SNAPSHOT.sub("", model)


def retirement_of(model: str, today: date) -> str | None:
    """A sentence when this language model is switched off or is about to be; None when nothing is known.

    A dated snapshot (`gpt-5-2025-08-07`) goes with its model unless it has a day of its own.
    """
    last_day = _LAST_DAY.get(model) or _LAST_DAY.get(base_model(model))
    return retirement_text(model, last_day, today)


def retirement_text(model: str, last_day: date | None, today: date) -> str | None:
    """The sentence for one model and its announced last day; None while that day is far off or unknown."""
    if last_day is None or (last_day - today).days > NOTICE_DAYS:
        return None
    if last_day < today:
        return f"{model} was shut down by its vendor on {last_day.isoformat()}; choose another model."
    return f"{model} will be shut down by its vendor on {last_day.isoformat()}; choose another model soon."
