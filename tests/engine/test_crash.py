import signal
import subprocess
import sys

import pytest

from engine.crash import CRASH_POINTS, crash_point


def run(code: str, armed: str | None) -> subprocess.CompletedProcess[str]:
    environment = {} if armed is None else {"GIMF_CRASH_AT": armed}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


PASSAGES = """
from engine.crash import crash_point
for passage in range(1, 5):
    crash_point("mid_poll")
    crash_point("mid_save")
    print(passage, flush=True)
"""


def test_nothing_happens_where_nothing_is_armed() -> None:
    for name in CRASH_POINTS:
        crash_point(name)


def test_the_names_are_different() -> None:
    assert len(set(CRASH_POINTS)) == len(CRASH_POINTS)


@pytest.mark.parametrize(
    ("armed", "passed"), [("mid_poll", ""), ("mid_save:3", "1\n2\n"), ("mid_poll:9", None)]
)
def test_the_process_dies_at_the_armed_passage(armed: str, passed: str | None) -> None:
    done = run(PASSAGES, armed)
    if passed is None:
        assert (done.returncode, done.stdout) == (0, "1\n2\n3\n4\n")
    else:
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, passed)


def test_dying_soon_leaves_what_comes_next_time_to_begin() -> None:
    code = """
import asyncio
from engine.crash import crash_soon

async def main():
    crash_soon("mid_poll")
    crash_soon("in_post", delay_s=0.05)
    print("sent", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    done = run(code, "in_post")
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "sent\n")
