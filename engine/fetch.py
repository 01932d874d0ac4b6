"""Safe downloads of pictures: checked addresses, limits, a whole picture or nothing.

Knows no provider and no database. One call is one attempt; the caller decides whether to try again.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from engine.addresses import SERVICE, Destination, Resolver, check_url, resolve_with_system
from engine.crash import crash_point
from engine.errors import BadAnswerError, RateLimitedError, ServiceError
from engine.files import PARTIAL_SUFFIX, storage_errors, sync_folder
from engine.imaging.open_checked import MAX_BYTES, PictureError, PictureFault, PictureInfo, inspect_file
from engine.pinned import pinned_get
from engine.providers.answers import parse_retry_after

MAX_REDIRECTS = 5
CHUNK_BYTES = 256 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPIRED = frozenset({400, 401, 403, 404, 410})


class ExpiredLinkError(ServiceError):
    """The link does not work (any more): ask the provider for a fresh one.

    Storage services answer 403, 404 or 410 to an expired signature; Google's says 400, some proxies 401.
    """

    code = "expired_link"


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The limits of one download."""

    allowed_private_hosts: frozenset[str] = frozenset()
    """`host:port` of the configured base URLs (`engine.addresses.hosts_of`), which need not be public."""
    max_bytes: int = MAX_BYTES
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    """Longest silence."""
    total_seconds: float = 300.0
    """For everything until the last byte has come, redirects included."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole picture under its final name."""

    path: Path
    sha256: str
    bytes: int
    info: PictureInfo


async def fetch_picture(
    client: httpx.AsyncClient,
    url: str,
    target_stem: Path,
    *,
    policy: FetchPolicy,
    executor: Executor,
    resolve: Resolver = resolve_with_system,
) -> Fetched:
    """Download `url` to `<target_stem>.<extension of its real format>`, replacing what is there.

    Streamed to `<target_stem>` + PARTIAL_SUFFIX with the hash taken on the way, synced, decoded completely
    in `executor`, renamed. The client's own headers, cookies and credentials are not sent. Each redirect is
    checked like the first address, and each request goes to the address that was checked (`engine.pinned`).

    Raises NotSentError (no connection; try again), BadAnswerError and RateLimitedError (try again),
    ExpiredLinkError (ask for a fresh link), BadRequestError `unsafe_url` (never fetched), PictureError
    (what came is no whole picture within the limits), PauseRequired `disk` or `folder`. The unfinished file
    is gone in every case.
    """
    part = target_stem.with_name(target_stem.name + PARTIAL_SUFFIX)
    try:
        try:
            async with asyncio.timeout(policy.total_seconds):
                digest, size = await _stream(client, url, part, policy, resolve)
        except TimeoutError as error:
            raise BadAnswerError(
                SERVICE, f"the download took longer than {policy.total_seconds:g} s", code="timeout"
            ) from error
        return await _in_thread(executor, lambda: _publish(part, target_stem, digest, size))
    finally:
        part.unlink(missing_ok=True)


def store_picture(data: bytes, target_stem: Path, *, max_bytes: int = MAX_BYTES) -> Fetched:
    """The same end for a picture that came inside an answer: checked, synced, renamed.

    Blocks; for a worker thread. Raises PictureError, PauseRequired.
    """
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    part = target_stem.with_name(target_stem.name + PARTIAL_SUFFIX)
    try:
        with storage_errors(part.parent, len(data)):
            part.write_bytes(data)
        return _publish(part, target_stem, hashlib.sha256(data).hexdigest(), len(data))
    finally:
        part.unlink(missing_ok=True)


async def _stream(
    client: httpx.AsyncClient, url: str, part: Path, policy: FetchPolicy, resolve: Resolver
) -> tuple[str, int]:
    """Follow redirects to the picture and write it to `part`; returns its SHA-256 and its size in bytes."""
    location: str | httpx.URL = url
    for _ in range(MAX_REDIRECTS + 1):
        destination = await check_url(location, policy.allowed_private_hosts, resolve)
        async with pinned_get(
            client,
            destination,
            connect_seconds=policy.connect_seconds,
            read_seconds=policy.read_seconds,
        ) as response:
            if response.status_code in _REDIRECTS and "location" in response.headers:
                try:
                    location = destination.url.join(response.headers["location"])
                except httpx.InvalidURL as error:
                    raise BadAnswerError(SERVICE, f"an unreadable redirect: {error}") from error
                continue
            _check_answer(response, destination, policy)
            return await _write(response, part, policy.max_bytes)
    raise BadAnswerError(SERVICE, f"more than {MAX_REDIRECTS} redirects", code="redirects")


def _check_answer(response: httpx.Response, destination: Destination, policy: FetchPolicy) -> None:
    status = response.status_code
    what = f"{destination.url.host} answered {status} {response.reason_phrase}".rstrip()
    if status in _EXPIRED:
        raise ExpiredLinkError(
            SERVICE, f"{what}: the link has expired", hint="A fresh link has to be asked for."
        )
    if status == 429:
        wait = parse_retry_after(response.headers.get("retry-after"), now=datetime.now(UTC))
        raise RateLimitedError(SERVICE, what, retry_after=wait)
    if status != 200:
        raise BadAnswerError(SERVICE, what, code="http_status")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise BadAnswerError(SERVICE, f"{destination.url.host} sent the picture packed ({encoding}), unasked")
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > policy.max_bytes:
        raise _too_large(policy.max_bytes)


async def _write(response: httpx.Response, part: Path, max_bytes: int) -> tuple[str, int]:
    length = response.headers.get("content-length", "")
    expected = int(length) if length.isascii() and length.isdigit() else None
    digest = hashlib.sha256()
    size = 0
    with storage_errors(part.parent, expected):
        await _in_thread(None, lambda: part.write_bytes(b""))
        async for chunk in response.aiter_raw(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            digest.update(chunk)
            await _in_thread(None, partial(_append, part, chunk))
            crash_point("mid_download")
    return digest.hexdigest(), size


def _append(part: Path, chunk: bytes) -> None:
    """Opened for each chunk, so that no open file is left over where the download is cancelled."""
    with part.open("ab") as file:
        file.write(chunk)


def _publish(part: Path, target_stem: Path, digest: str, size: int) -> Fetched:
    info = inspect_file(part)
    target = target_stem.with_name(f"{target_stem.name}.{info.format.value}")
    with storage_errors(part.parent, size):
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        crash_point("after_rename")
        sync_folder(part.parent)
    return Fetched(target, digest, size, info)


async def _in_thread[Result](executor: Executor | None, work: Callable[[], Result]) -> Result:
    """Run `work` in a thread. When cancelled, wait until the thread has let go of the file, then go."""
    future = asyncio.get_running_loop().run_in_executor(executor, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen: what became of the step no longer matters
        raise


def _too_large(max_bytes: int) -> PictureError:
    return PictureError(
        PictureFault.TOO_LARGE, f"the picture is larger than {max_bytes / 1_000_000:g} MB, the limit"
    )
