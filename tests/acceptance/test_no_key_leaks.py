"""A key is in the headers of the requests and nowhere else, also where a service repeats it in its errors."""

import asyncio
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import client as client_module
from engine import host as host_module
from engine import wire
from engine.api import LogQuery
from engine.client import EngineClient
from engine.errors import FactoryError
from engine.export.requests import ExportKind, ExportRequest
from engine.export.views import AgencyView
from engine.host import EngineHost
from tests.acceptance.support import Finished, Program, files_below, outcome_of
from tests.support.engine import KEYS, EngineHome, Listener, request, until
from tui.cli.log_file import logging_to

pytestmark = pytest.mark.acceptance

SECRETS = {name: (key, key.rpartition("-")[2]) for name, key in KEYS.items()}
"""Each key whole, and the part of it that no other text has: services repeat keys in pieces."""


EXPORTS: tuple[tuple[ExportKind, str, dict[str, Any]], ...] = (
    (ExportKind.WORKBOOK, "xlsx", {}),
    (ExportKind.ARCHIVE, "zip", {}),
    (ExportKind.IMAGES, "zip", {"has_originals": True}),
    (ExportKind.SHEET, "zip", {"has_pictures": True, "agency": "adobe", "is_forced": True}),
)


def echo(service: str, operation: str, key: str, code: int, **fields: Any) -> dict[str, Any]:
    """A rule that answers with the key in every place in which a client looks for words."""
    words = f"Incorrect API key provided: {key} (Authorization: Bearer {key}), also seen as {key[:6]}****{key[-6:]}"
    body = {
        "code": code,
        "message": words,
        "error": {"message": words, "type": "auth", "param": None, "code": "invalid_api_key"},
        "errors": [{"title": words, "code": "auth_failed", "message": words}],
        "data": {"error": {"message": words, "raw_message": words}},
    }
    return {
        "service": service,
        "operation": operation,
        "action": "status",
        "code": code,
        "body": body,
        **fields,
    }


def assert_no_key_in(what: str, text: str | bytes) -> None:
    content = text.encode() if isinstance(text, str) else text
    for name, parts in SECRETS.items():
        for part in parts:
            assert part.encode() not in content, f"{name} is in {what}"


def _assert_no_key_anywhere(home: EngineHome, *ended: Finished) -> None:
    for one in ended:
        assert_no_key_in("stdout", one.stdout)
        assert_no_key_in("stderr", one.stderr)
    found = files_below(home.root)
    assert home.paths.database_file in found
    for path in found:
        assert_no_key_in(str(path), path.read_bytes())
        assert_no_key_in("a file's name", str(path))


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    "rule",
    [
        echo("openai", "chat.prompt", KEYS["OPENAI_API_KEY"], 401, nth=1),
        echo("openai", "chat.check", KEYS["OPENAI_API_KEY"], 403, nth=1),
        echo("piapi", "submit", KEYS["PIAPI_API_KEY"], 401, nth=1),
        echo("piapi", "poll", KEYS["PIAPI_API_KEY"], 403, nth=1),
        echo("removebg", "remove", KEYS["REMOVE_BG_API_KEY"], 403, nth=1),
    ],
    ids=lambda rule: f"{rule['service']} {rule['operation']} {rule['code']}",
)
async def test_refused_key_pauses_and_is_shown_nowhere(home: EngineHome, rule: dict[str, Any]) -> None:
    home.script(rule)
    async with home.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(
            request(processing={"remove_background": True}, advanced={"debug": True})
        )
        paused = await outcome_of(engine, job.job_id)
        assert (paused.job.status, paused.pause_code) == ("paused", "key")
        assert paused.job.pause is not None
        service = {"openai": "openai", "piapi": "piapi", "removebg": "remove.bg"}[rule["service"]]
        assert service in paused.job.pause.message.lower()
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
        assert done.statuses == ["approved"], "the key is accepted the second time"
        logs = await engine.logs(LogQuery(limit=5_000))
        for text in (repr(heard.events), repr(logs), repr(paused), repr(done)):
            assert_no_key_in("an event, a log or a view", text)
    _assert_no_key_anywhere(home)


@pytest.mark.fault(20)
async def test_no_key_in_files_output_or_the_process_list(home: EngineHome, program: Program) -> None:
    """A run in which every service answers with the key in its errors, then everything that shows it."""
    piapi, openai, removebg = (
        KEYS[name] for name in ("PIAPI_API_KEY", "OPENAI_API_KEY", "REMOVE_BG_API_KEY")
    )
    home.script(
        echo("piapi", "submit", piapi, 400, nth=1),
        echo("piapi", "submit", piapi, 500, nth=1),
        echo("piapi", "history", piapi, 500),
        echo("piapi", "poll", piapi, 500, times=3),
        echo("openai", "chat.check", openai, 500, times=2),
        echo("openai", "chat.metadata", openai, 400, times=1),
        echo("removebg", "remove", removebg, 400, times=1),
        {"service": "piapi", "operation": "poll", "action": "status_word", "word": piapi, "times": 2},
        {"service": "openai", "operation": "chat.metadata", "action": "slow", "seconds": 1.0},
    )
    process = await program.start(
        "run",
        "--json",
        *("--set", "generation.generations=4"),
        *("--set", "generation.poll_interval_seconds=0.5"),
        *("--set", "generation.backoff_seconds=0"),
        *("--set", "processing.remove_background=on"),
        *("--set", "advanced.debug=on"),
        is_forked=False,
    )
    await until(lambda: bool(home.requests("openai", "chat.metadata")), seconds=60)
    assert_no_key_in("the process list", Path(f"/proc/{process.pid}/cmdline").read_bytes())
    assert_no_key_in("the open database", home.paths.database_file.read_bytes())
    ended = await program.end(process)
    assert ended.status in (3, 4), ended.stderr
    shown = [
        await program.run(*arguments, "--json")
        for arguments in (
            ("jobs", "show", "1"),
            ("images", "list"),
            ("logs", "1", "--level", "debug"),
            ("keys", "list"),
            ("config", "show"),
            ("doctor",),
        )
    ]
    assert all(one.stdout for one in shown)
    assert "Incorrect API key provided" in shown[0].stdout, "what the service said is shown, without the key"
    _assert_no_key_anywhere(home, ended, *shown)


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """Everything in an archive or workbook, and in the archives in it."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            yield name, content
            if name.endswith((".xlsx", ".zip")):
                inner = path.with_name(f"{path.name}.inner")
                inner.write_bytes(content)
                yield from _unpacked(inner)
                inner.unlink()


async def test_no_key_on_the_socket_in_exports_or_in_an_error_that_nobody_foresaw(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every line that crosses the socket either way; every file in every kind of export; the log with tracebacks."""
    crossed: list[bytes] = []

    def recording(message: dict[str, Any]) -> bytes:
        crossed.append(wire.encode(message))
        return crossed[-1]

    async def fails(*_: object) -> list[AgencyView]:
        raise RuntimeError(f"Header X-API-Key: {' '.join(KEYS.values())}")

    monkeypatch.setattr(host_module, "encode", recording)
    monkeypatch.setattr(client_module, "encode", recording)
    piapi, openai = KEYS["PIAPI_API_KEY"], KEYS["OPENAI_API_KEY"]
    home.script(
        echo("piapi", "poll", piapi, 500, times=2),
        echo("openai", "chat.metadata", openai, 400, times=1),
        echo("piapi", "submit", piapi, 400, nth=2),
    )
    async with home.open() as engine:
        monkeypatch.setattr(engine, "agencies", fails)
        host = EngineHost(engine, home.paths.socket_file, idle_s=None)
        serving = asyncio.create_task(host.run())
        await until(home.paths.socket_file.exists)
        with logging_to(home.paths.log_file, engine._keys):
            async with EngineClient.connect(home.paths) as client:
                settings = {"generations": 3, "backoff_seconds": 0.0}
                wanted = request("all kinds", generation=settings, advanced={"debug": True})
                await client.plan_job(wanted)
                job = await client.start_job(wanted)
                await client.wait_for_job(job.job_id)
                with pytest.raises(FactoryError, match="RuntimeError") as unforeseen:
                    await client.agencies()
                exported = [
                    await client.export(
                        ExportRequest(
                            f"e{number}",
                            kind,
                            (job.job_id,),
                            to=str(tmp_path / f"{kind}.{suffix}"),
                            **options,
                        )
                    )
                    for number, (kind, suffix, options) in enumerate(EXPORTS)
                ]
        host.end()
        await serving
    assert_no_key_in("an error", unforeseen.value.message)
    assert "•••" in unforeseen.value.message
    assert len(crossed) > 20
    for line in crossed:
        assert_no_key_in("a line on the socket", line)
    assert b"Traceback" in home.paths.log_file.read_bytes()
    for one in exported:
        for name, content in _unpacked(Path(one.path)):
            assert_no_key_in(f"{name} in {one.path}", content)
    _assert_no_key_anywhere(home)


async def test_key_that_is_set_lies_in_its_private_file_only(home: EngineHome, program: Program) -> None:
    """`gimf keys set` reads the key from stdin; afterwards a job runs with it."""
    key = home.environ.pop("PIAPI_API_KEY")
    stored = await program.run("keys", "set", "piapi", stdin=f"{key}\n")
    assert stored.status == 0, stored.stderr
    done = await program.run("run", "--json", "--set", "generation.poll_interval_seconds=0.5")
    assert done.status == 0, done.stderr
    assert home.paths.keys_file.stat().st_mode & 0o777 == 0o600
    for path in files_below(home.root):
        if path != home.paths.keys_file:
            assert_no_key_in(str(path), path.read_bytes())
    for one in (stored, done):
        assert_no_key_in("the output", one.stdout + one.stderr)
