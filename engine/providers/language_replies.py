"""What a language model must answer: the schemas it is held to, and the strict reading of its words.

Readers raise ValueError with half a sentence that says what is wrong. Sends nothing.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.text import clean_text

TITLE_WORDS = (8, 12)
DESCRIPTION_CHARACTERS = (150, 250)
TAGS = 15

_MOST_TAGS = 50
_EMPTY_WORDS = frozenset({"", "undefined", "null", "none", "nan", "n/a"})
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_QUOTES = (('"', '"'), ("“", "”"), ("«", "»"), ("'", "'"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a quality check. A rejection always has a reason."""

    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Description:
    """`tags` have no repetitions and are never empty. `notes` say where it is not what was asked for."""

    title: str
    description: str
    tags: tuple[str, ...]
    notes: tuple[str, ...] = ()


class _Reply(BaseModel):
    # Strict: "yes" and 1 are no booleans. Forbidding extras also puts that into the schema, as OpenAI asks.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PromptReply(_Reply):
    prompt: Annotated[str, Field(description="The prompt for the image model.")]


class VerdictReply(_Reply):
    # The reason comes first: a model that has named what it sees decides better than one that explains after.
    reason: Annotated[
        str, Field(description="One sentence: what is wrong and where, or what the picture shows.")
    ]
    passed: Annotated[bool, Field(description="True when the picture can be sold as it is.")]


class DescriptionReply(_Reply):
    title: Annotated[str, Field(description="8 to 12 words.")]
    description: Annotated[str, Field(description="150 to 250 characters.")]
    tags: Annotated[list[str], Field(description="15 tags, the most important first.")]

    @field_validator("tags", mode="before")
    @classmethod
    def _split_text(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


@cache
def response_format(reply: type[BaseModel], name: str) -> dict[str, Any]:
    """The `response_format` of a chat completion that holds the model to a reply's schema (OpenAI, structured
    outputs: every property required, no others). Made once for all calls, so nobody may change it."""
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": reply.model_json_schema()},
    }


@cache
def form_text(reply: type[BaseModel]) -> str:
    """The same in words, for servers that ignore or refuse a response format."""
    words = {"string": '"..."', "boolean": "true or false", "array": '["...", "..."]'}
    properties = reply.model_json_schema()["properties"]
    fields = ", ".join(f'"{name}": {words[schema["type"]]}' for name, schema in properties.items())
    return f"Answer with one JSON object of exactly this form, and nothing else: {{{fields}}}"


def read_prompt(text: str) -> str:
    """The prompt, as one line, out of `{"prompt": "..."}`, a JSON string, a fence, plain or quoted text."""
    bare = _unwrapped(text)
    try:
        data = _json(bare)
    except ValueError:
        if bare.startswith("{"):
            raise
        data = bare
    prompt = _one_line(data if isinstance(data, str) else _validated(PromptReply, data).prompt)
    for opening, closing in _QUOTES:
        inner = prompt[1:-1]
        if (
            len(prompt) > 1
            and prompt[0] == opening
            and prompt[-1] == closing
            and not {opening, closing} & {*inner}
        ):
            prompt = inner.strip()
            break
    return _filled(prompt, "prompt")


def read_verdict(text: str) -> Verdict:
    """The verdict out of exactly `{"passed": bool, "reason": str}`, bare or in a fenced block."""
    reply = _validated(VerdictReply, _json(_unwrapped(text)))
    reason = _one_line(reply.reason)
    return Verdict(reply.passed, reason if reply.passed else _filled(reason, "reason"))


def read_description(text: str) -> Description:
    """Title, description and tags (a list, or one text with commas), bare or in a fenced block."""
    reply = _validated(DescriptionReply, _json(_unwrapped(text)))
    title = _filled(_one_line(reply.title), "title")
    description = _filled(_one_line(reply.description), "description")
    tags: dict[str, str] = {}
    for part in re.split(r"[,;\n]", "\n".join(reply.tags)):
        tag = _one_line(part).strip("#\"'.").strip()
        if tag.casefold() not in _EMPTY_WORDS:
            tags.setdefault(tag.casefold(), tag)
    if not tags:
        raise ValueError("it has no tags")
    kept = tuple(tags.values())[:_MOST_TAGS]
    return Description(title, description, kept, _notes(title, description, kept))


def _notes(title: str, description: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    words = len(title.split())
    checks = (
        (TITLE_WORDS[0] <= words <= TITLE_WORDS[1], f"the title has {words} words, 8 to 12 were asked for"),
        (
            DESCRIPTION_CHARACTERS[0] <= len(description) <= DESCRIPTION_CHARACTERS[1],
            f"the description has {len(description)} characters, 150 to 250 were asked for",
        ),
        (len(tags) == TAGS, f"there are {len(tags)} tags, {TAGS} were asked for"),
    )
    return tuple(note for is_right, note in checks if not is_right)


def _unwrapped(text: str) -> str:
    """The text without a local model's leading thoughts, and without the fence where all of it is one."""
    bare = _THOUGHTS.sub("", text, count=1).strip() if text.lstrip().startswith("<think>") else text.strip()
    fence = _FENCE.fullmatch(bare)
    return fence.group(1).strip() if fence and "```" not in fence.group(1) else bare


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})" if text else "it is empty") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object in which no name occurs twice: of two verdicts, neither counts."""
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a name occurs twice")
    return data


def _validated[Reply: BaseModel](reply: type[Reply], data: object) -> Reply:
    try:
        return reply.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise ValueError(f"it has another form than was asked for ({where}: {first['msg']})") from error


def _one_line(text: str) -> str:
    return " ".join(clean_text(text).split())


def _filled(text: str, field: str) -> str:
    if text.casefold().strip(" .\"'") in _EMPTY_WORDS:
        raise ValueError(f"its {field} is empty")
    return text
