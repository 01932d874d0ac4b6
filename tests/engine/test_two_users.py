"""Two users on one machine: neither reaches the other's engine, files or sockets, and is told so plainly."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.greeting import open_line
from engine.host import EngineHost
from engine.paths import Paths
from tests.support.engine import EngineHome, engine_home, until

ROOT = Path(__file__).parents[2]
OTHER = 65_534
"""Nobody's number on every system that we know."""
OTHER_USER = """
import asyncio, json, os, pathlib, socket, sqlite3, sys
from engine.errors import FactoryError
from engine.greeting import open_line
from engine.paths import Paths
theirs, own, number = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
os.setgroups([])
os.setgid(number)
os.setuid(number)
told = {}

def attempt(name, act):
    try:
        act()
        told[name] = "worked"
    except (OSError, sqlite3.Error, FactoryError) as error:
        told[name] = f"{type(error).__name__}: {error}"

paths = Paths.resolve(theirs, {})
attempt("connect", lambda: socket.socket(socket.AF_UNIX).connect(str(paths.socket_file)))
attempt("attach", lambda: asyncio.run(open_line(paths)))
attempt("work there", paths.ensure)
attempt("database", paths.database_file.read_bytes)
attempt("list", lambda: os.listdir(paths.data_dir))
mine = Paths.resolve(own, {})
attempt("own", mine.ensure)
attempt("no engine of its own", lambda: asyncio.run(open_line(mine)))
deep = Paths.resolve(own / ("x" * 100), {})
attempt("short socket", deep.ensure)
told["short socket's folder"] = str(deep.socket_file.parent)
listener = socket.socket(socket.AF_UNIX)
listener.bind(str(mine.socket_file))
os.chmod(mine.socket_file, 0o666)
listener.listen()
print(json.dumps(told), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may pass through, as a home folder's parent is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def _told_to_the_other(
    home: EngineHome, own: Path
) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHER_USER, str(home.root), str(own), str(OTHER)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users")
async def test_another_user_reaches_nothing(shared: Path) -> None:
    own = shared / "own"
    own.mkdir()
    os.chown(own, OTHER, OTHER)
    async with engine_home(shared / "home") as home, home.open() as engine:
        home.root.chmod(0o755)  # as a careless user has it
        host = EngineHost(engine, home.paths.socket_file, idle_s=None)
        serving = asyncio.create_task(host.run())
        await until(home.paths.socket_file.exists)
        process, told = await _told_to_the_other(home, own)
        try:
            for what in ("connect", "database", "list"):
                assert "Permission" in told[what], what
            assert told["attach"].startswith("EngineUnreachableError")
            assert f"belongs to another user (number {os.getuid()})" in told["work there"]
            assert told["own"] == told["short socket"] == "worked"
            assert told["no engine of its own"].startswith("EngineUnreachableError")
            assert told["short socket's folder"] == f"/tmp/gen-image-factory-{OTHER}"
            theirs = Paths.resolve(own, {})
            with pytest.raises(InputError, match=f"belongs to another user \\(number {OTHER}\\)"):
                await open_line(theirs)
            with pytest.raises(InputError, match=f"belongs to another user \\(number {OTHER}\\)"):
                theirs.ensure()
        finally:
            await process.communicate(b"")
            shutil.rmtree(f"/tmp/gen-image-factory-{OTHER}", ignore_errors=True)
        host.end()
        await serving
    assert not (home.paths.data_dir.stat().st_mode | home.paths.config_dir.stat().st_mode) & 0o077
    for file in (home.paths.database_file, home.paths.lock_file):
        assert not file.stat().st_mode & 0o077


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths.resolve(tmp_path / "h", {})
    paths.ensure()
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    with pytest.raises(InputError, match=f"{paths.data_dir} belongs to another user") as told:
        paths.ensure()
    assert "--home" in told.value.hint
