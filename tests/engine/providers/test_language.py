"""The language model client against a real HTTP server on loopback."""

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from openai._utils import async_maybe_transform
from openai.resources.chat.completions import completions

import engine
from engine.errors import (
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    NotSentError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
)
from engine.providers.language import (
    LanguageModel,
    ModelRefusedError,
    UnreadableAnswerError,
    takes_temperature,
)
from engine.providers.language_replies import VerdictReply, form_text, response_format
from engine.providers.prompts_default import METADATA_PROMPT, PROMPT_SYSTEM, QUALITY_PROMPT

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuvwx"
JPEG = b"\xff\xd8\xff\xe0 not looked at \xff\xd9"
TITLE = "Red fox crossing a snowy forest clearing at first light"
TEXT = (
    "A red fox walks through fresh snow between dark spruces while the first sunlight turns the frost "
    "golden; calm winter mood for calendars, greeting cards and nature magazines."
)
TAGS = [f"tag {number}" for number in range(15)]


@dataclass
class Reply:
    body: str | bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Server:
    """Answers with the replies in turn, the last one again and again; remembers what it was sent."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self.silence: asyncio.Event | None = None

    def says(self, *replies: Reply) -> None:
        self.replies = list(replies)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.title(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("Content-Length", 0)))
            self.paths.append(f"{method} {path}")
            self.headers.append(headers)
            if body:
                self.bodies.append(json.loads(body))
            if self.silence is not None:
                await self.silence.wait()
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            content = reply.body.encode() if isinstance(reply.body, str) else reply.body
            sent = {**reply.headers, "Content-Length": str(len(content)), "Connection": "close"}
            lines = [f"HTTP/1.1 {reply.status} Status", *(f"{name}: {value}" for name, value in sent.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def chat(content: object, *, finish: str = "stop", refusal: str | None = None, usage: object = None) -> Reply:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    counts = {"prompt_tokens": 321, "completion_tokens": 54, "total_tokens": 375} if usage is None else usage
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "served-name",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": counts,
    }
    return Reply(json.dumps(completion))


def failure(status: int, message: str, *, code: str | None = None, **headers: str) -> Reply:
    error = {"message": message, "type": code or "invalid_request_error", "param": None, "code": code}
    return Reply(json.dumps({"error": error}), status, {"Content-Type": "application/json", **headers})


def verdict(passed: object, reason: object = "A hand with six fingers, lower left.", **more: object) -> Reply:
    return chat(json.dumps({"passed": passed, "reason": reason, **more}))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listener = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    yield made
    if made.silence is not None:
        made.silence.set()
    listener.close()
    await listener.wait_closed()


@pytest.fixture
async def language(server: Server) -> AsyncIterator[LanguageModel]:
    model = LanguageModel(server.url, KEY)
    yield model
    await model.close()


async def ask_prompt(language: LanguageModel, model: str = "gpt-5.4-mini") -> str:
    answer = await language.write_prompt("Write a prompt.", "A fox in the snow.", model, 0.7)
    return answer.value


class TestRequest:
    async def test_prompt_is_asked_for_as_structured_output(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(chat('{"prompt": "A red fox in fresh snow"}'))
        answer = await language.write_prompt(PROMPT_SYSTEM, "A fox in the snow.", "gpt-5.4-mini", 0.7)
        assert (answer.value, answer.model) == ("A red fox in fresh snow", "gpt-5.4-mini")
        assert (answer.input_tokens, answer.output_tokens) == (321, 54)
        body = server.bodies[0]
        assert server.paths == ["POST /v1/chat/completions"]
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert [message["role"] for message in body["messages"]] == ["system", "user"]
        assert body["messages"][0]["content"].startswith(PROMPT_SYSTEM.rstrip())
        assert body["messages"][1]["content"] == "A fox in the snow."
        schema = body["response_format"]["json_schema"]
        assert (body["response_format"]["type"], schema["name"], schema["strict"]) == (
            "json_schema",
            "prompt",
            True,
        )
        assert schema["schema"]["required"] == ["prompt"]
        assert schema["schema"]["additionalProperties"] is False
        assert body["max_completion_tokens"] > 0
        assert "max_tokens" not in body
        assert "temperature" not in body

    async def test_temperature_goes_to_models_that_take_one(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(chat('{"prompt": "fox"}'))
        await ask_prompt(language, "qwen3-vl:8b")
        assert server.bodies[0]["temperature"] == 0.7

    @pytest.mark.parametrize(
        ("model", "is_taken"),
        [
            ("gpt-4o", True),
            ("gpt-4.1-mini", True),
            ("gpt-oss-20b", True),
            ("llama3.2-vision", True),
            ("olmo-7b", True),
            ("gpt-5", False),
            ("gpt-5.4-mini", False),
            ("gpt-6.2-sol", False),
            ("gpt-12-x", False),
            ("openai/gpt-5.4", False),
            ("GPT-5.4-mini", False),
            ("o3", False),
            ("o4-mini", False),
        ],
    )
    def test_takes_temperature(self, model: str, is_taken: bool) -> None:
        assert takes_temperature(model) is is_taken

    async def test_picture_goes_last_as_a_jpeg_data_url(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(verdict(passed=True, reason="A fox in the snow."))
        answer = await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")
        assert (answer.value.passed, answer.value.reason) == (True, "A fox in the snow.")
        body = server.bodies[0]
        assert body["messages"][0]["content"].startswith(QUALITY_PROMPT.rstrip())
        picture = body["messages"][1]["content"][-1]
        assert picture["image_url"]["detail"] == "high"
        kind, _, data = picture["image_url"]["url"].partition(",")
        assert (kind, base64.b64decode(data)) == ("data:image/jpeg;base64", JPEG)
        schema = body["response_format"]["json_schema"]["schema"]
        assert set(schema["required"]) == set(schema["properties"]) == {"passed", "reason"}

    async def test_keyword_takes_the_place_of_the_context(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(chat(json.dumps({"title": TITLE, "description": TEXT, "tags": TAGS})))
        await language.describe_image(JPEG, METADATA_PROMPT, r"winter $1 \fox {x}", "m")
        await language.describe_image(JPEG, "Describe it.", "winter fox", "m")
        system, user = (message["content"] for message in server.bodies[0]["messages"])
        assert r"Context: winter $1 \fox {x}" in system
        assert "promptContext" not in system
        assert "winter" not in user[0]["text"]
        assert "winter fox" in server.bodies[1]["messages"][1]["content"][0]["text"]

    async def test_the_request_is_sent_as_it_is(
        self, server: Server, language: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is added, nothing left out, and the package has walked through nothing that could hold anything."""
        walked: list[dict[str, Any]] = []

        async def watched(data: dict[str, Any], expected: object) -> Any:
            walked.append(data)
            return await async_maybe_transform(data, expected)

        monkeypatch.setattr(completions, "async_maybe_transform", watched)
        server.says(verdict(passed=True, reason="A fox."))
        instruction = "Prüfe “genau” 🦊 \u2028 null"
        await language.check_image(JPEG, instruction, "qwen3-vl:8b")
        url = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
        picture = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
        words = {"type": "text", "text": "This is the picture."}
        assert server.bodies == [
            {
                "model": "qwen3-vl:8b",
                "messages": [
                    {"role": "system", "content": f"{instruction}\n\n{form_text(VerdictReply)}"},
                    {"role": "user", "content": [words, picture]},
                ],
                "max_completion_tokens": 4096,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "verdict",
                        "strict": True,
                        "schema": VerdictReply.model_json_schema(),
                    },
                },
            }
        ]
        assert len(walked) == 1
        assert [value for value in walked[0].values() if isinstance(value, dict | list) and value] == []

    async def test_schemas_are_made_once_and_nobody_changes_them(
        self, server: Server, language: LanguageModel
    ) -> None:
        made = response_format(VerdictReply, "verdict")
        server.says(
            failure(400, "Unsupported parameter: 'response_format'"), verdict(passed=True, reason="A.")
        )
        await language.check_image(JPEG, "Check it.", "m")
        await language.check_image(JPEG, "Check it.", "n")
        assert server.bodies[2]["response_format"] == made
        assert response_format(VerdictReply, "verdict") is made
        assert made == response_format.__wrapped__(VerdictReply, "verdict")
        assert form_text(VerdictReply) is form_text(VerdictReply)

    async def test_no_key_is_no_obstacle_for_a_local_server(self, server: Server) -> None:
        server.says(chat('{"prompt": "fox"}'))
        language = LanguageModel(server.url, "")
        assert await ask_prompt(language) == "fox"
        await language.close()
        await language.close()

    async def test_many_calls_at_once_share_one_client(self, server: Server, language: LanguageModel) -> None:
        server.says(chat('{"prompt": "fox"}'))
        assert await asyncio.gather(*(ask_prompt(language) for _ in range(8))) == ["fox"] * 8


class TestOptionalParameters:
    @pytest.mark.parametrize(
        "message",
        [
            "Unsupported parameter: 'response_format'",
            "This model does not support structured outputs with json_schema",
        ],
    )
    async def test_refused_response_format_is_left_out_once_and_for_all(
        self, server: Server, language: LanguageModel, message: str
    ) -> None:
        server.says(failure(400, message), chat('{"prompt": "first"}'), chat('{"prompt": "second"}'))
        assert await ask_prompt(language, "local") == "first"
        assert await ask_prompt(language, "local") == "second"
        assert ["response_format" in body for body in server.bodies] == [True, False, False]
        assert '"prompt"' in server.bodies[1]["messages"][0]["content"]

    async def test_refusal_counts_for_that_model_only(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(400, "response_format is not supported"), chat('{"prompt": "fox"}'))
        await ask_prompt(language, "local")
        await ask_prompt(language, "other")
        assert ["response_format" in body for body in server.bodies] == [True, False, True]

    async def test_every_optional_parameter_can_be_refused(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(
            failure(422, "extra field: max_completion_tokens"),
            failure(400, "temperature must be 1"),
            failure(400, "response_format: unknown"),
            chat('{"prompt": "fox"}'),
        )
        assert await ask_prompt(language, "local") == "fox"
        assert set(server.bodies[-1]) == {"model", "messages"}

    async def test_a_server_that_goes_on_refusing_is_not_asked_for_ever(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(failure(400, "temperature, max_completion_tokens and response_format are wrong"))
        with pytest.raises(BadRequestError):
            await ask_prompt(language, "local")
        assert len(server.bodies) == 4

    async def test_another_400_is_an_error_at_once(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(400, "Invalid image"))
        with pytest.raises(BadRequestError, match="Invalid image"):
            await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")
        assert len(server.bodies) == 1


class TestPrompt:
    @pytest.mark.parametrize(
        ("content", "prompt"),
        [
            ('{"prompt": "  a fox\\n in snow "}', "a fox in snow"),
            ('```json\n{"prompt": "a fox"}\n```', "a fox"),
            ('```\n{"prompt": "a fox"}```', "a fox"),
            ("```\na fox in snow\n```", "a fox in snow"),
            ('"a fox in snow"', "a fox in snow"),
            ("“a fox in snow”", "a fox in snow"),
            ("A fox in snow.", "A fox in snow."),
            ('A sign that says "OPEN"', 'A sign that says "OPEN"'),
            ('"OPEN" and "CLOSED"', '"OPEN" and "CLOSED"'),
            ("[wide shot] a fox", "[wide shot] a fox"),
            ("<think>{hm}</think>\n" + '{"prompt": "a fox"}', "a fox"),
            ('{"prompt": "a \\u001b[31mred\\u001b[0m fox \\u202e"}', "a [31mred[0m fox"),
        ],
    )
    async def test_accepted_forms(
        self, server: Server, language: LanguageModel, content: str, prompt: str
    ) -> None:
        server.says(chat(content))
        assert await ask_prompt(language) == prompt

    async def test_content_in_parts(self, server: Server, language: LanguageModel) -> None:
        server.says(chat([{"type": "text", "text": '{"prompt": "a fox"}'}]))
        assert await ask_prompt(language) == "a fox"

    @pytest.mark.parametrize(
        "content",
        [
            None,
            "",
            "   ",
            '""',
            '{"prompt": ""}',
            '{"prompt": "undefined"}',
            '{"prompt": null}',
            "null",
            "None",
            "undefined",
            '{"text": "a fox"}',
            '{"prompt": 3}',
            '{"prompt": "a", "prompt": "b"}',
            '{"prompt": "a fox", "mood": "calm"}',
            '{"prompt": "a fox',
            '["a fox"]',
            "42",
            7,
        ],
    )
    async def test_never_a_prompt(self, server: Server, language: LanguageModel, content: object) -> None:
        server.says(chat(content))
        with pytest.raises(UnreadableAnswerError) as caught:
            await ask_prompt(language)
        assert caught.value.code == "unreadable"
        assert (caught.value.usage.input_tokens, caught.value.usage.output_tokens) == (321, 54)


class TestCheck:
    @pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```"])
    async def test_rejection(self, server: Server, language: LanguageModel, fence: str) -> None:
        server.says(chat(fence.replace("{}", '{"passed": false, "reason": "Six fingers."}')))
        answer = await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")
        assert (answer.value.passed, answer.value.reason) == (False, "Six fingers.")

    @pytest.mark.fault(22)
    @pytest.mark.parametrize(
        "reply",
        [
            chat("The picture looks fine to me."),
            chat("passed"),
            chat("true"),
            chat(""),
            chat(None),
            chat('{"passed": true, "reason": "A f'),
            chat('I think so:\n```json\n{"passed": true, "reason": "A fox."}\n```'),
            chat('[{"passed": true, "reason": "A fox."}]'),
            chat('{"passed": false, "reason": "x", "passed": true}'),
            verdict("yes"),
            verdict("true"),
            verdict(1),
            verdict(None),
            verdict(passed=True, reason=None),
            verdict(passed=True, reason=["A fox."]),
            verdict(passed=True, score=0.9),
            verdict(passed=False, reason=""),
            chat('{"reason": "A fox."}'),
            chat('{"passed": true}'),
        ],
    )
    async def test_never_a_pass_and_never_a_rejection(
        self, server: Server, language: LanguageModel, reply: Reply
    ) -> None:
        server.says(reply)
        with pytest.raises(UnreadableAnswerError):
            await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")

    async def test_refusal(self, server: Server, language: LanguageModel) -> None:
        server.says(chat(None, refusal="I can't help with that."))
        with pytest.raises(ModelRefusedError, match="I can't help with that") as caught:
            await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")
        assert isinstance(caught.value, PolicyRefusedError)
        assert caught.value.code == "policy"
        assert caught.value.usage.output_tokens == 54

    async def test_content_filter(self, server: Server, language: LanguageModel) -> None:
        server.says(chat('{"passed": true, "reason": ""}', finish="content_filter"))
        with pytest.raises(ModelRefusedError):
            await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")

    @pytest.mark.fault(22)
    async def test_cut_answer_does_not_count_even_where_it_can_be_read(
        self, server: Server, language: LanguageModel
    ) -> None:
        server.says(chat('{"passed": true, "reason": "A fox."}', finish="length"))
        with pytest.raises(UnreadableAnswerError, match="cut"):
            await language.check_image(JPEG, QUALITY_PROMPT, "gpt-5.4-mini")


class TestMetadata:
    async def describe(self, server: Server, language: LanguageModel, **fields: object) -> Any:
        server.says(chat(json.dumps({"title": TITLE, "description": TEXT, "tags": TAGS} | fields)))
        answer = await language.describe_image(JPEG, METADATA_PROMPT, "fox", "gpt-5.4-mini")
        return answer.value

    async def test_as_asked_for(self, server: Server, language: LanguageModel) -> None:
        found = await self.describe(server, language)
        assert (found.title, found.description, found.tags) == (TITLE, TEXT, tuple(TAGS))
        assert found.notes == ()

    async def test_tags_are_trimmed_and_kept_once(self, server: Server, language: LanguageModel) -> None:
        found = await self.describe(
            server,
            language,
            tags=[" Fox ", "fox", "#snow", "winter, FOREST", "", "null", '"calm"', "Snow\x1b"],
        )
        assert found.tags == ("Fox", "snow", "winter", "FOREST", "calm")
        assert found.notes == ("there are 5 tags, 15 were asked for",)

    async def test_tags_as_one_text(self, server: Server, language: LanguageModel) -> None:
        found = await self.describe(server, language, tags="fox, snow; winter\nforest")
        assert found.tags == ("fox", "snow", "winter", "forest")

    async def test_other_lengths_are_noted_and_kept(self, server: Server, language: LanguageModel) -> None:
        found = await self.describe(server, language, title="Fox", description="A fox.")
        assert (found.title, found.description) == ("Fox", "A fox.")
        assert len(found.notes) == 2
        assert "1 words" in found.notes[0]
        assert "6 characters" in found.notes[1]

    @pytest.mark.parametrize(
        "fields",
        [
            {"title": " "},
            {"title": None},
            {"description": ""},
            {"tags": []},
            {"tags": ["", "#"]},
            {"tags": [1]},
        ],
    )
    async def test_empty_fields(
        self, server: Server, language: LanguageModel, fields: dict[str, object]
    ) -> None:
        with pytest.raises(UnreadableAnswerError):
            await self.describe(server, language, **fields)


class TestErrors:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply("<html><body>Welcome</body></html>", headers={"Content-Type": "text/html"}),
            Reply("<html>"),
            Reply("[]"),
            Reply("null"),
            Reply('"text"'),
            Reply(""),
            Reply(b"\xff\xfe\x00"),
            Reply("[" * 100_000),
            Reply('{"choices": []}'),
            Reply('{"choices": null}'),
            Reply('{"choices": "none"}'),
            Reply('{"error": {"message": "upstream is asleep"}}'),
            failure(500, "oh no"),
            failure(503, "busy"),
            Reply("<h1>Bad gateway</h1>", 502, {"Content-Type": "text/html"}),
        ],
    )
    async def test_unusable_answers_may_be_asked_for_again(
        self, server: Server, language: LanguageModel, reply: Reply
    ) -> None:
        server.says(reply)
        with pytest.raises(BadAnswerError):
            await ask_prompt(language)
        assert len(server.bodies) == 1

    @pytest.mark.parametrize(
        "body", ['{"choices": [3]}', '{"choices": [{}]}', '{"choices": [{"message": 1}]}']
    )
    async def test_odd_choices_are_unreadable(
        self, server: Server, language: LanguageModel, body: str
    ) -> None:
        server.says(Reply(body))
        with pytest.raises(UnreadableAnswerError):
            await ask_prompt(language)

    @pytest.mark.parametrize("usage", [{}, "many", {"prompt_tokens": "x", "completion_tokens": -4}, [1]])
    async def test_odd_token_counts_are_none(
        self, server: Server, language: LanguageModel, usage: object
    ) -> None:
        server.says(chat('{"prompt": "fox"}', usage=usage))
        answer = await language.write_prompt("s", "u", "m")
        assert (answer.input_tokens, answer.output_tokens) == (0, 0)

    async def test_the_key_is_in_no_error(self, server: Server, language: LanguageModel) -> None:
        server.says(
            failure(401, f"Incorrect API key provided: {KEY[:10]}****{KEY[-4:]}.", code="invalid_api_key")
        )
        with pytest.raises(KeyRefusedError) as caught:
            await ask_prompt(language)
        shown = f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.__cause__!r}"
        assert KEY[:10] not in shown
        assert KEY[-4:] not in shown

    async def test_the_key_is_in_no_refusal(self, server: Server, language: LanguageModel) -> None:
        server.says(chat(None, refusal=f"No: {KEY}"))
        with pytest.raises(ModelRefusedError) as caught:
            await ask_prompt(language)
        assert KEY not in str(caught.value)

    async def test_rate_limit_says_how_long(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(429, "Rate limit reached", code="rate_limit_exceeded", **{"Retry-After": "7"}))
        with pytest.raises(RateLimitedError) as caught:
            await ask_prompt(language)
        assert caught.value.retry_after == 7.0
        assert len(server.bodies) == 1

    async def test_used_up_quota_is_no_rate_limit(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(429, "You exceeded your current quota", code="insufficient_quota"))
        with pytest.raises(CreditExhaustedError):
            await ask_prompt(language)
        assert len(server.bodies) == 1

    async def test_silence_ends(self, server: Server) -> None:
        server.says(chat('{"prompt": "fox"}'))
        server.silence = asyncio.Event()
        language = LanguageModel(server.url, KEY, timeout_s=0.1)
        with pytest.raises(BadAnswerError):
            await ask_prompt(language)
        await language.close()

    async def test_nobody_there(self, server: Server, unused_tcp_port: int) -> None:
        language = LanguageModel(f"http://127.0.0.1:{unused_tcp_port}/v1", KEY)
        with pytest.raises(NotSentError):
            await ask_prompt(language)
        await language.close()


class TestKey:
    async def test_accepted(self, server: Server, language: LanguageModel) -> None:
        server.says(Reply(json.dumps({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})))
        report = await language.test_key()
        assert (report.service, report.is_accepted, report.detail) == ("openai", True, "2 models can be used")
        assert server.paths == ["GET /v1/models"]

    async def test_refused(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(401, f"Incorrect API key provided: {KEY}"))
        report = await language.test_key()
        assert not report.is_accepted
        assert KEY not in report.detail

    async def test_without_credit(self, server: Server, language: LanguageModel) -> None:
        server.says(failure(429, "You exceeded your current quota", code="insufficient_quota"))
        report = await language.test_key()
        assert report.is_accepted
        assert "quota" in report.detail

    async def test_a_server_without_a_list(self, server: Server, language: LanguageModel) -> None:
        server.says(Reply("not found", 404, {"Content-Type": "text/plain"}))
        report = await language.test_key()
        assert report.is_accepted
        assert "not tested" in report.detail

    async def test_no_answer(self, server: Server, language: LanguageModel) -> None:
        server.says(Reply("<html>", headers={"Content-Type": "text/html"}))
        with pytest.raises(ServiceError):
            await language.test_key()


def test_importing_the_client_does_not_import_the_package() -> None:
    code = "import sys, engine.providers.language, engine.costs; sys.exit('openai' in sys.modules)"
    root = Path(engine.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_default_instructions_say_what_the_product_promises() -> None:
    for words in (
        "misspelt",
        "offensive",
        "logo",
        "trademark",
        "watermark",
        "signature",
        "spelt right",
        "sure",
    ):
        assert words in QUALITY_PROMPT
    for words in ("8 to 12 words", "150 to 250 characters", "15", "${promptContext}"):
        assert words in METADATA_PROMPT
    assert "{" not in PROMPT_SYSTEM + QUALITY_PROMPT
