import asyncio
import errno
import gzip
import hashlib
import io
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx
import pytest
from PIL import Image

from engine.addresses import hosts_of
from engine.errors import (
    BadAnswerError,
    BadRequestError,
    NotSentError,
    PauseRequired,
    RateLimitedError,
)
from engine.fetch import CHUNK_BYTES, ExpiredLinkError, FetchPolicy, fetch_picture, store_picture
from engine.files import PARTIAL_SUFFIX, cleanup_partials
from engine.imaging.open_checked import PictureError, PictureFormat


def encoded(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Server:
    """Plays back raw bytes by path: whatever a real server may do wrong, down to the byte."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[asyncio.StreamWriter], object]] = {}
        self.requests: list[str] = []
        self.port = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            reply = self.answers[head.split()[1]]
            if callable(reply):
                await reply(writer)
            else:
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running_server(tls: ssl.SSLContext | None = None):
    server = Server()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
        listening.close()


@pytest.fixture
async def server():
    async with running_server() as server:
        yield server


@pytest.fixture
async def fetch(server, tmp_path):
    """fetch(path or URL, **policy) into tmp_path / "one", with the server as the configured base URL."""
    secrets = {"headers": {"X-API-Key": "secret-key"}, "cookies": {"session": "secret-key"}}
    with ThreadPoolExecutor(1) as executor:
        async with httpx.AsyncClient(auth=("me", "secret-key"), **secrets) as client:

            async def run(path, *, resolve=None, **policy):
                url = path if "://" in path else server.base + path
                options = {"resolve": resolve} if resolve else {}
                return await fetch_picture(
                    client,
                    url,
                    tmp_path / "one",
                    policy=FetchPolicy(**{"allowed_private_hosts": hosts_of([server.base]), **policy}),
                    executor=executor,
                    **options,
                )

            yield run


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
async def test_the_extension_is_that_of_the_real_format(server, fetch, tmp_path, kind, extension):
    body = encoded(kind)
    server.answers["/picture.png?sig=abc"] = answer(body, Content_Type="image/png")
    fetched = await fetch("/picture.png?sig=abc")
    assert fetched.path == tmp_path / f"one.{extension}"
    assert fetched.path.read_bytes() == body
    assert fetched.sha256 == hashlib.sha256(body).hexdigest()
    assert (fetched.bytes, fetched.info.width, fetched.info.height) == (len(body), 40, 30)
    assert os.listdir(tmp_path) == [f"one.{extension}"]


async def test_no_key_and_no_cookie_leaves(server, fetch):
    server.answers["/a"] = answer(encoded(), Set_Cookie="track=1")
    await fetch("/a")
    await fetch("/a")
    assert "secret-key" not in "".join(server.requests)
    assert "authorization" not in "".join(server.requests).lower()
    assert "track" not in server.requests[1]
    assert f"Host: 127.0.0.1:{server.port}\r\n" in server.requests[0]
    assert server.requests[0].lower().count("\r\nhost:") == 1


async def test_a_connection_is_never_used_for_a_second_host_on_the_same_address(server, fetch):
    async def keep_open(writer):
        writer.write(answer(encoded(), Connection="keep-alive"))
        await writer.drain()

    async def resolve(host, port):
        return ["127.0.0.1"]

    server.answers["/a"] = keep_open
    for host in ("one.invalid", "two.invalid"):
        url = f"http://{host}:{server.port}/a"
        await fetch(url, resolve=resolve, allowed_private_hosts=hosts_of([url]))
    assert all("Connection: close\r\n" in request for request in server.requests)
    assert len(server.requests) == 2


async def test_a_second_download_replaces_the_first(server, fetch, tmp_path):
    first, second = encoded(), encoded()
    for body in (first, second):
        server.answers["/a"] = answer(body)
        await fetch("/a")
    assert (tmp_path / "one.png").read_bytes() == second


async def test_redirects_are_followed(server, fetch):
    server.answers["/a"] = answer(b"", "302 Found", Location="/b?x=1")
    server.answers["/b?x=1"] = answer(b"moved", "307 Temporary Redirect", Location=f"{server.base}/c")
    server.answers["/c"] = answer(encoded())
    assert (await fetch("/a")).info.width == 40


async def test_endless_redirects_end(server, fetch):
    server.answers["/a"] = answer(b"", "302 Found", Location="/a")
    with pytest.raises(BadAnswerError) as caught:
        await fetch("/a")
    assert caught.value.code == "redirects"
    assert len(server.requests) == 6


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "http://0/",
        "file:///etc/passwd",
        "//192.168.0.1/a.png",
    ],
)
async def test_a_redirect_into_our_own_network_is_refused(server, fetch, tmp_path, location):
    server.answers["/a"] = answer(b"", "302 Found", Location=location)
    with pytest.raises(BadRequestError) as caught:
        await fetch("/a")
    assert caught.value.code == "unsafe_url"
    assert os.listdir(tmp_path) == []


async def test_loopback_is_refused_unless_configured(server, fetch):
    server.answers["/a"] = answer(encoded())
    with pytest.raises(BadRequestError) as caught:
        await fetch("/a", allowed_private_hosts=frozenset())
    assert caught.value.code == "unsafe_url"
    assert server.requests == []


async def test_connects_to_the_address_that_was_checked_and_tries_the_next_one(server, fetch):
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return ["127.0.0.2", "127.0.0.1"]  # nothing listens on the first

    server.answers["/a"] = answer(encoded())
    url = f"http://pictures.invalid:{server.port}/a"
    fetched = await fetch(url, resolve=resolve, allowed_private_hosts=hosts_of([url]))
    assert fetched.info.format is PictureFormat.PNG
    assert asked == ["pictures.invalid"]
    assert f"Host: pictures.invalid:{server.port}\r\n" in server.requests[0]


@pytest.mark.fault(25)
async def test_a_name_that_changes_its_address_after_the_check_leads_nowhere_else(server, fetch, tmp_path):
    """DNS rebinding: each request goes where its own look-up was checked, and a redirect is looked up anew."""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]]
    asked = []

    async def resolve(host, port):
        if host == "pictures.invalid":
            asked.append(host)
            return answers[len(asked) - 1]
        return ["127.0.0.1"]

    server.answers["/a"] = answer(b"", "302 Found", Location="/b")
    server.answers["/b"] = answer(encoded())
    with pytest.raises(BadRequestError) as caught:
        await fetch(f"http://pictures.invalid:{server.port}/a", resolve=resolve)
    assert caught.value.code == "unsafe_url"
    assert "169.254.169.254" in caught.value.message
    assert len(asked) == 2
    assert [request.split()[1] for request in server.requests] == ["/a"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("name", ["pictures.invalid", "other.invalid"])
async def test_tls_is_checked_against_the_name_not_the_address(tmp_path, name):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", "subjectAltName=DNS:pictures.invalid"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names = []
    tls.sni_callback = lambda _socket, server_name, _context: names.append(server_name)
    trust = ssl.create_default_context(cafile=str(certificate))

    async def resolve(host, port):
        return ["127.0.0.1"]

    async with running_server(tls) as server, httpx.AsyncClient(verify=trust) as client:
        server.answers["/a"] = answer(encoded())
        url = f"https://{name}:{server.port}/a"
        policy = FetchPolicy(allowed_private_hosts=hosts_of([url]))
        with ThreadPoolExecutor(1) as executor:
            call = fetch_picture(
                client, url, tmp_path / "one", policy=policy, executor=executor, resolve=resolve
            )
            if name == "pictures.invalid":
                assert (await call).info.width == 40
            else:
                with pytest.raises(NotSentError, match="certificate"):
                    await call
    assert names == [name]


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "410 Gone"])
async def test_an_expired_link_asks_for_a_fresh_one(server, fetch, status):
    server.answers["/a?sig=hidden"] = answer(b"<Error/>", status)
    with pytest.raises(ExpiredLinkError, match=status[:3]) as caught:
        await fetch("/a?sig=hidden")
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [("7", 7.0), ("86400", 300.0), ("soon", None), ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0)],
)
async def test_too_many_requests_say_how_long(server, fetch, retry_after, expected):
    server.answers["/a"] = answer(b"", "429 Too Many Requests", Retry_After=retry_after)
    with pytest.raises(RateLimitedError) as caught:
        await fetch("/a")
    assert caught.value.retry_after == expected


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "204 No Content", "206 Partial Content"])
async def test_other_answers_can_be_tried_again(server, fetch, status):
    server.answers["/a"] = answer(b"" if status.startswith("204") else encoded(), status)
    with pytest.raises(BadAnswerError) as caught:
        await fetch("/a")
    assert caught.value.code == "http_status"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(encoded())[:-200], BadAnswerError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + encoded()[:16], BadAnswerError),
        (b"\x00\x01\x02 nonsense\r\n\r\n", BadAnswerError),
        (b"", BadAnswerError),
        (answer(encoded(), Content_Length="200"), PictureError),
        (b"HTTP/1.0 200 OK\r\n\r\n" + encoded("JPEG", (300, 300))[:-900], PictureError),
        (answer(gzip.compress(encoded()), Content_Encoding="gzip"), BadAnswerError),
        (answer(b"<html>Sign in</html>", Content_Type="image/png"), PictureError),
        (answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>", Content_Type="image/png"), PictureError),
        (answer(b""), PictureError),
    ],
    ids=["cut", "cut chunked", "no HTTP", "nothing", "short", "cut JPEG", "gzip", "HTML", "SVG", "empty"],
)
async def test_what_is_no_whole_picture_leaves_nothing(server, fetch, tmp_path, reply, error):
    server.answers["/a.png"] = reply
    with pytest.raises(error):
        await fetch("/a.png")
    assert os.listdir(tmp_path) == []


async def test_a_picture_that_is_too_large_is_not_even_begun(server, fetch, tmp_path):
    server.answers["/a"] = answer(encoded(), Content_Length="50000001")
    with pytest.raises(PictureError) as caught:
        await fetch("/a")
    assert caught.value.code == "too_large"
    assert os.listdir(tmp_path) == []


@pytest.mark.fault(11)
@pytest.mark.parametrize("head", ["Transfer-Encoding: chunked", "Connection: close"])
async def test_an_endless_download_ends_at_the_limit(server, fetch, tmp_path, head):
    sent = 0

    async def endless(writer):
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        block = bytes(64 * 1024)
        while True:
            writer.write(b"10000\r\n" + block + b"\r\n" if "chunked" in head else block)
            sent += len(block)
            await writer.drain()

    server.answers["/a"] = endless
    with pytest.raises(PictureError) as caught:
        await fetch("/a", max_bytes=1_000_000)
    assert caught.value.code == "too_large"
    assert sent < 50_000_000
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("limit", ["read_seconds", "total_seconds"])
async def test_silence_ends(server, fetch, tmp_path, limit):
    released = asyncio.Event()

    async def silent(writer):
        writer.write(answer(encoded(), Content_Length="100000")[:100])
        await writer.drain()
        await released.wait()

    server.answers["/a"] = silent
    with pytest.raises(BadAnswerError) as caught:
        await fetch("/a", **{limit: 0.05})
    released.set()
    assert caught.value.code == "timeout"
    assert os.listdir(tmp_path) == []


async def test_nobody_listening_means_not_sent(server, fetch, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/a"
    with pytest.raises(NotSentError, match=r"127\.0\.0\.1"):
        await fetch(url, allowed_private_hosts=hosts_of([url]))


async def test_cancelling_leaves_nothing_behind(server, fetch, tmp_path):
    halfway = asyncio.Event()
    released = asyncio.Event()
    body = encoded(size=(900, 900))
    assert len(body) > 2 * CHUNK_BYTES

    async def slow(writer):
        writer.write(answer(body)[: CHUNK_BYTES + 4096])
        await writer.drain()
        halfway.set()
        await released.wait()

    server.answers["/a"] = slow
    task = asyncio.create_task(fetch("/a"))
    await halfway.wait()
    part = tmp_path / f"one{PARTIAL_SUFFIX}"
    while not (part.exists() and part.stat().st_size):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    released.set()
    assert os.listdir(tmp_path) == []


@pytest.mark.fault(29)
async def test_a_lost_folder_pauses(server, fetch, tmp_path):
    server.answers["/a"] = answer(encoded())
    tmp_path.rmdir()
    with pytest.raises(PauseRequired) as caught:
        await fetch("/a")
    assert caught.value.code == "folder"
    tmp_path.mkdir()


@pytest.mark.fault(14)
async def test_a_full_disk_pauses(server, fetch, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.fetch._append", full)
    server.answers["/a"] = answer(encoded())
    with pytest.raises(PauseRequired, match=r"needed, .* free") as caught:
        await fetch("/a")
    assert caught.value.code == "disk"
    assert os.listdir(tmp_path) == []


FETCH_SCRIPT = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import httpx
from engine.addresses import hosts_of
from engine.fetch import FetchPolicy, fetch_picture

async def main(url, stem):
    policy = FetchPolicy(allowed_private_hosts=hosts_of([url]))
    with ThreadPoolExecutor(1) as executor:
        async with httpx.AsyncClient() as client:
            await fetch_picture(client, url, Path(stem), policy=policy, executor=executor)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("point", "left"), [("mid_download", f"one{PARTIAL_SUFFIX}"), ("after_rename", "one.png")]
)
async def test_a_killed_download_is_unfinished_or_whole(server, tmp_path, point, left):
    body = encoded()
    server.answers["/a"] = answer(body)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FETCH_SCRIPT, f"{server.base}/a", str(tmp_path / "one")),
        env={**os.environ, "GIMF_CRASH_AT": point, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert await process.wait() == -signal.SIGKILL
    assert os.listdir(tmp_path) == [left]
    assert cleanup_partials(tmp_path) == (point == "mid_download")
    if point == "after_rename":
        assert (tmp_path / "one.png").read_bytes() == body


def test_bytes_from_an_answer_take_the_same_way(tmp_path):
    body = encoded("WEBP")
    stored = store_picture(body, tmp_path / "two")
    assert stored.path == tmp_path / "two.webp"
    assert stored.path.read_bytes() == body
    assert stored.sha256 == hashlib.sha256(body).hexdigest()
    for bad, code in ((body[:-9], "truncated"), (b"{}", "not_a_picture"), (b"", "not_a_picture")):
        with pytest.raises(PictureError) as caught:
            store_picture(bad, tmp_path / "three")
        assert caught.value.code == code
    with pytest.raises(PictureError) as caught:
        store_picture(body, tmp_path / "three", max_bytes=10)
    assert caught.value.code == "too_large"
    assert os.listdir(tmp_path) == ["two.webp"]
