"""Whatever comes over the socket, from either side: an answer or one of our errors; the engine answers afterwards."""

import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import host as host_module
from engine.client import EngineClient
from engine.errors import FactoryError
from engine.host import CALLS, EngineHost
from engine.wire import PROTOCOL, ProtocolError, decode, encode, error_from_json
from tests.support.engine import EngineHome, until

BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LIMIT = 64 * 1024
"""Of one line, smaller than in earnest, so that it is reached."""

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(
    st.sampled_from(
        ["job_id", "request", "image_ids", "name", "settings", "position", "label", "edit", "path"]
    )
    | st.text(max_size=8),
    documents,
    max_size=4,
)
calls = st.fixed_dictionaries(
    {"call": st.sampled_from(sorted(CALLS - {"wait_for_job", "export"})), "args": arguments | documents}
)
lines = st.one_of(
    st.binary(max_size=200).map(lambda data: data + b"\n"),
    documents.map(lambda value: json.dumps(value).encode() + b"\n"),
    st.dictionaries(st.sampled_from(["id", "call", "args"]), documents).map(
        lambda value: json.dumps(value).encode() + b"\n"
    ),
    st.just(b"[" * 50_000 + b"\n"),
    st.just(b"x" * (2 * LIMIT) + b"\n"),
    st.binary(max_size=50),
)


class Peer:
    """A client that says what it likes, over a blocking socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self.hello = self._file.readline()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def say(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            return  # it has had enough of us

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self.say(encode({"id": 7, **message}))
        return decode(self._file.readline())


def assert_it_answers(path: Path) -> None:
    with Peer(path) as peer:
        assert peer.ask({"call": "unfinished_jobs"}) == {"id": 7, "result": []}


async def test_a_client_that_says_anything(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Bytes, JSON, lines too long and half ones; and calls that are there with arguments that are not."""
    monkeypatch.setattr(host_module, "LINE_LIMIT", LIMIT)
    monkeypatch.chdir(tmp_path)
    path = home.paths.socket_file

    @BOUNDED
    @given(st.lists(lines, max_size=4))
    def anything(said: list[bytes]) -> None:
        with Peer(path) as peer:
            for line in said:
                peer.say(line)
        assert_it_answers(path)

    @BOUNDED
    @given(calls)
    def calls_that_do_not_fit(call: dict[str, Any]) -> None:
        with Peer(path) as peer:
            answer = peer.ask(call)
            assert answer["id"] == 7
            if "error" in answer:
                assert isinstance(error_from_json(answer["error"]), FactoryError)
        assert_it_answers(path)

    async with home.open(is_working=False) as engine:
        host = EngineHost(engine, path, idle_s=None)
        serving = asyncio.create_task(host.run())
        await until(path.exists)
        with caplog.at_level(logging.ERROR):
            await asyncio.to_thread(anything)
            await asyncio.to_thread(calls_that_do_not_fit)
        host.end()
        await serving
    assert [record.getMessage() for record in caplog.records] == [], "an error that is not one of ours"


async def test_an_engine_that_says_anything(home: EngineHome) -> None:
    """Its client raises one of our errors, or gets an answer; it neither hangs nor breaks."""
    async with home.open():
        pass
    replies = st.one_of(
        lines,
        st.dictionaries(
            st.sampled_from(["id", "error", "result", "event", "job_id", "entry"]), documents
        ).map(lambda value: json.dumps(value).encode() + b"\n"),
        st.fixed_dictionaries(
            {
                "id": st.just(2),
                "error": documents
                | st.dictionaries(
                    st.sampled_from(["kind", "code", "message", "hint", "problems", "pid"]),
                    documents | st.sampled_from(["SettingsError", "EngineHeldError", "InputError"]),
                ),
            }
        ).map(lambda value: json.dumps(value).encode() + b"\n"),
        documents.map(lambda value: json.dumps({"id": 2, "result": value}).encode() + b"\n"),
    )
    said: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode({"hello": {"protocol": PROTOCOL, "version": "1", "pid": 1}}))
        first = decode(await reader.readline())
        writer.write(encode({"id": first["id"], "result": None}))
        await reader.readline()
        writer.write(b"".join(said))
        writer.close()

    async def one_call() -> object:
        async with EngineClient.connect(home.paths) as client:
            return await client.agencies()

    loop = asyncio.get_running_loop()

    @BOUNDED
    @given(st.lists(replies, max_size=3))
    def anything(lines_of_it: list[bytes]) -> None:
        said[:] = lines_of_it
        future = asyncio.run_coroutine_threadsafe(one_call(), loop)
        try:
            assert isinstance(future.result(timeout=20), list)
        except FactoryError:
            return

    home.paths.socket_file.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, str(home.paths.socket_file))
    async with server:
        await asyncio.to_thread(anything)


@BOUNDED
@given(st.dictionaries(st.sampled_from(["kind", "code", "message", "hint", "problems", "pid"]), documents))
def test_an_error_of_any_shape_is_an_error_of_ours(document: dict[str, Any]) -> None:
    assert isinstance(error_from_json(document), FactoryError)


@BOUNDED
@given(st.binary(max_size=200))
def test_a_line_of_any_bytes_is_an_object_or_refused(line: bytes) -> None:
    try:
        assert isinstance(decode(line), dict)
    except ProtocolError:
        return
