"""The language model as the stages see it: writes prompts, checks pictures, describes pictures.

Owns what is asked and in which form. The wire is chat.py's business, the answer's text language_replies.py's.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from engine.providers.base import KeyReport
from engine.providers.chat import ChatClient, ModelRefusedError, UnreadableAnswerError, Usage
from engine.providers.language_replies import (
    Description,
    DescriptionReply,
    PromptReply,
    Verdict,
    VerdictReply,
    form_text,
    read_description,
    read_prompt,
    read_verdict,
    response_format,
)

__all__ = [
    "Answer",
    "Description",
    "LanguageModel",
    "ModelRefusedError",
    "UnreadableAnswerError",
    "Usage",
    "Verdict",
    "takes_temperature",
]

PROMPT_CONTEXT = "${promptContext}"
"""Stands for the keyword in an instruction for metadata."""


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """A usable answer. `model` is the name that was asked for, under which it has a price."""

    value: T
    input_tokens: int
    output_tokens: int
    model: str


@dataclass(frozen=True, slots=True)
class _Form[T]:
    """One kind of question: its name on the wire, the schema of its answer, and how the answer is read."""

    name: str
    reply: type[BaseModel]
    read: Callable[[str], T]


_PROMPT = _Form("prompt", PromptReply, read_prompt)
_VERDICT = _Form("verdict", VerdictReply, read_verdict)
_DESCRIPTION = _Form("description", DescriptionReply, read_description)


def takes_temperature(model: str) -> bool:
    """Whether a model of this name may be sent a temperature: not gpt-5 and later, nor the o series."""
    name = model.rpartition("/")[2].lower()
    generation = re.match(r"gpt-(\d+)", name)
    return not (re.match(r"o\d", name) or (generation and int(generation.group(1)) >= 5))


class LanguageModel:
    """A client of one OpenAI-compatible server, safe for concurrent calls on one event loop.

    Every question raises UnreadableAnswerError, ModelRefusedError, and what `map_openai_error` gives for a
    call that may simply be made again (BadAnswerError instead of AnswerLostError).
    """

    service = "openai"

    def __init__(self, base_url: str, key: str, *, timeout_s: float = 120.0) -> None:
        self._chat = ChatClient(base_url, key, service=self.service, timeout_s=timeout_s)

    async def write_prompt(
        self, system: str, user: str, model: str, temperature: float | None = None
    ) -> Answer[str]:
        """An image prompt for the brief in `user`: one line, never empty.

        The temperature is left out for models that refuse one.
        """
        is_sent = temperature is not None and takes_temperature(model)
        options = {"temperature": temperature} if is_sent else {}
        return await self._ask(_PROMPT, model, system, user, options)

    async def check_image(self, jpeg: bytes, prompt_text: str, model: str) -> Answer[Verdict]:
        """The verdict on a picture, by the instruction `prompt_text`."""
        return await self._ask(_VERDICT, model, prompt_text, _picture("This is the picture.", jpeg))

    async def describe_image(
        self, jpeg: bytes, prompt_text: str, keyword: str, model: str
    ) -> Answer[Description]:
        """Title, description and tags of a picture.

        `${promptContext}` in the instruction becomes the keyword; an instruction without it gets the keyword
        along with the picture.
        """
        instruction = prompt_text.replace(PROMPT_CONTEXT, keyword)
        context = "" if PROMPT_CONTEXT in prompt_text else f" Context: {keyword}"
        return await self._ask(
            _DESCRIPTION, model, instruction, _picture(f"This is the picture.{context}", jpeg)
        )

    async def test_key(self) -> KeyReport:
        """One free call. Raises NotSentError or BadAnswerError where no answer came."""
        return await self._chat.test_key()

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self._chat.close()

    async def _ask[T](
        self,
        form: _Form[T],
        model: str,
        instruction: str,
        content: str | list[dict[str, Any]],
        options: Mapping[str, Any] | None = None,
    ) -> Answer[T]:
        # What stays the same from call to call comes first, the picture last: servers cache equal beginnings.
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": f"{instruction.rstrip()}\n\n{form_text(form.reply)}"},
            {"role": "user", "content": content},
        ]
        sent = {"response_format": response_format(form.reply, form.name), **(options or {})}
        words, usage = await self._chat.complete(model, messages, sent)
        try:
            value = form.read(words)
        except ValueError as error:
            raise UnreadableAnswerError(
                self.service,
                f"{model} gave no usable {form.name}: {self._chat.cleaned(str(error))}.",
                hint="If it happens again and again, choose another model or simplify the instruction.",
                usage=usage,
            ) from error
        return Answer(value, usage.input_tokens, usage.output_tokens, model)


def _picture(lead: str, jpeg: bytes) -> list[dict[str, Any]]:
    url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return [
        {"type": "text", "text": lead},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]
