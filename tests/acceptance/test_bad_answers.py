"""Pictures that are none, checks without a verdict, texts that mean harm: recorded, shown, never approved."""

import json
from typing import Any

import pytest

from db.status import LogLevel
from engine.api import LogQuery
from tests.acceptance.support import (
    AT_ONCE,
    assert_converged,
    assert_files_match_rows,
    booked,
    outcome_of,
    rows,
    rule,
    run_job,
)
from tests.support.engine import EngineHome, request

pytestmark = pytest.mark.acceptance


@pytest.mark.fault(12)
async def test_expired_link_is_refreshed_without_paying(home: EngineHome) -> None:
    home.script(rule("files", "download", "expired", nth=1))
    done = await run_job(home, request(generation={"variations": 2}))
    assert done.statuses == ["approved"] * 2
    assert len(home.requests("piapi", "poll")) == 2
    assert len(home.requests("piapi", "submit")) == 1
    assert_converged(home, 2)


@pytest.mark.fault(11)
@pytest.mark.parametrize("action", ["truncate", "cut", "html", "garbage", "drop"])
async def test_broken_download_is_made_again(home: EngineHome, action: str) -> None:
    home.script(rule("files", "download", action, times=2))
    done = await run_job(home, request(generation=AT_ONCE))
    assert done.statuses == ["approved"]
    assert len(home.requests("files", "download")) == 3
    assert_converged(home, 1)


@pytest.mark.fault(11, 13)
@pytest.mark.parametrize("action", ["html", "svg", "bomb", "cut"])
async def test_what_is_no_whole_picture_never_gets_a_name(home: EngineHome, action: str) -> None:
    home.script(rule("files", "download", action))
    done = await run_job(home, request(generation=AT_ONCE))
    (image,) = done.images
    assert (image.status, image.stage, image.file, image.original_file) == ("failed", "download", None, None)
    assert image.reason
    assert len(home.requests("files", "download")) == 3
    assert_files_match_rows(home)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/x.png", "file:///etc/hostname"]
)
async def test_picture_at_an_address_that_is_nobodys_business(home: EngineHome, url: str) -> None:
    home.script(rule("files", "download", "redirect", url=url))
    (image,) = (await run_job(home, request(generation=AT_ONCE))).images
    assert (image.status, image.stage) == ("failed", "download")
    (row,) = rows(home, "SELECT error_code FROM images")
    assert row["error_code"] == "unsafe_url"
    assert len(home.requests("files", "download")) == 1


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "answer",
    [
        rule("openai", "chat.check", "say", text="Looks lovely to me, passed."),
        rule("openai", "chat.check", "say", text='{"passed": true, "rea', word="length"),
        rule("openai", "chat.check", "say", text='{"verdict": "fine"}'),
        rule("openai", "chat.check", "say", text='{"passed": "yes", "reason": 7}'),
        rule("openai", "chat.check", "say", text=""),
        rule("openai", "chat.check", "refuse", text="I cannot look at this."),
        rule("openai", "chat.check", "no_choices"),
        rule("openai", "chat.check", "html"),
    ],
    ids=lambda one: str(one.get("text", one["action"]))[:24],
)
async def test_check_without_a_verdict_is_a_technical_failure(
    home: EngineHome, answer: dict[str, Any]
) -> None:
    home.script(answer)
    done = await run_job(home, request(generation={"generations": 2, **AT_ONCE}))
    assert done.job.status == "completed"
    for image in done.images:
        assert (image.status, image.stage) == ("failed", "quality_check")
        assert image.reason
    assert done.job.images.approved == 0
    assert home.requests("openai", "chat.metadata") == []
    assert_files_match_rows(home)
    paid = sum(payment["amount_micros"] for payment in home.payments("openai", "chat.check"))
    if answer["action"] not in ("html", "no_choices"):
        tries = len(home.requests("openai", "chat.check"))
        assert booked(home, "check", "actual") == pytest.approx(paid, abs=tries * 2), (
            "every answer was paid for, also the useless ones"
        )


async def test_metadata_that_cannot_be_had_is_a_warning(home: EngineHome) -> None:
    home.script(rule("openai", "chat.metadata", "say", text="no"))
    (image,) = (await run_job(home, request(generation=AT_ONCE))).images
    assert (image.status, image.title, len(image.warnings)) == ("approved", None, 1)
    assert "No title" in image.warnings[0]


@pytest.mark.fault(27)
async def test_outside_text_cannot_reach_the_terminal(home: EngineHome) -> None:
    """What a model or a provider says is stored without control characters."""
    evil = "\x1b]52;c;ZXZpbA==\x07red \x9b31m\u202eevil[/oops]"
    home.script(
        rule("openai", "chat.check", "say", text=json.dumps({"passed": False, "reason": evil})),
        rule("openai", "chat.prompt", "say", text=json.dumps({"prompt": f"a tree {evil}"})),
    )
    async with home.open() as engine:
        job = await engine.start_job(request())
        done = await outcome_of(engine, job.job_id)
        logs = await engine.logs(LogQuery(job_id=job.job_id, min_level=LogLevel.DEBUG))
    texts = [done.images[0].reason or "", done.images[0].prompt, *(entry.message for entry in logs)]
    assert any("evil" in text for text in texts)
    assert not [text for text in texts if set(text) & set("\x1b\x07\x9b\u202e")]
