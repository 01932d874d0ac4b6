"""Signals end the program in order and leave the terminal as it was, also when nobody reads what it writes."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from engine.client import EngineClient
from engine.greeting import end_engine
from engine.paths import Paths
from tests.support.engine import EngineHome, request, until
from tests.support.pseudo_terminal import PseudoTerminal
from tui.attach import answers
from tui.exit_signals import leave_with_terminal

pytestmark = pytest.mark.acceptance

LOOKS = 200

NOISY = """
import asyncio, pathlib, sys
from textual.app import App
from textual.widgets import Static
from tui.exit_signals import ExitSignals

class Noisy(App):
    turns = 0
    def compose(self):
        yield Static(id="noise")
    def on_mount(self):
        self.set_interval(0.01, self.make_noise)
    def make_noise(self):
        self.turns += 1
        text = "".join(chr(33 + (self.turns + place) % 90) for place in range(120))
        self.query_one(Static).update("\\n".join([text] * 34), layout=False)
        pathlib.Path(sys.argv[1]).write_text(str(self.turns))
    def leave(self, status):
        self._loop.call_soon_threadsafe(self.exit, None, status)

async def main():
    app = Noisy()
    with ExitSignals(app.leave, grace_s=0.5):
        await app.run_async()
    return app.return_code

sys.exit(asyncio.run(main()))
"""


def program(home: EngineHome) -> list[str]:
    return [sys.executable, "-m", "tui", "--home", str(home.root)]


@pytest.mark.fault(18)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_the_window_and_not_the_engine(home: EngineHome, number: signal.Signals) -> None:
    async with PseudoTerminal(program(home), {**os.environ, **home.environ}) as terminal:
        await terminal.wait_for("No job has run here yet")
        assert terminal.settings != terminal.settings_before
        terminal.process.send_signal(number)
        assert await terminal.end() == 128 + number
        assert terminal.settings == terminal.settings_before
        await until(lambda: b"\x1b[?1049l" in terminal.written)
        assert await answers(home.paths)
    await end_engine(home.paths, at_once=True)


async def test_a_hang_up_ends_the_engine_where_the_user_wants_it(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text('on_hangup = "stop"\n')
    async with PseudoTerminal(program(home), {**os.environ, **home.environ}) as terminal:
        await terminal.wait_for("No job has run here yet")
        terminal.process.send_signal(signal.SIGHUP)
        assert await terminal.end() == 128 + signal.SIGHUP
        assert not await answers(home.paths)


@pytest.mark.fault(18)
async def test_a_line_that_is_cut_ends_it_in_order(home: EngineHome) -> None:
    """The terminal is gone and every write fails; the window still ends by itself, not by the last resort."""
    terminal = PseudoTerminal(program(home), {**os.environ, **home.environ})
    await terminal.wait_for("No job has run here yet")
    terminal.hang_up()
    assert await terminal.end() == 128 + signal.SIGHUP
    assert "takes nothing any more" not in home.paths.log_file.read_text()
    await end_engine(home.paths, at_once=True)


async def test_a_line_that_is_cut_ends_it_also_where_hang_ups_are_ignored(home: EngineHome) -> None:
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *program(home)]
    terminal = PseudoTerminal(ignoring, {**os.environ, **home.environ})
    await terminal.wait_for("No job has run here yet")
    terminal.hang_up()
    assert await terminal.end() == 128 + signal.SIGHUP
    await end_engine(home.paths, at_once=True)


async def test_a_terminal_that_is_gone_before_the_window_opens_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after the demo, whose line broke while it was being shown."""
    monkeypatch.setattr("tui.exit_signals.terminal_settings", lambda: None)
    left: list[int] = []
    await leave_with_terminal(left.append)
    assert left == [128 + signal.SIGHUP]


async def test_a_line_that_is_cut_during_the_demo_ends_all_of_it(home: EngineHome) -> None:
    """It does not come back to the window that the demo was chosen in: there is nothing to draw it on."""
    terminal = PseudoTerminal(program(home), {**os.environ, **home.environ})
    await terminal.wait_for("No job has run here yet")
    terminal.press("t")
    await terminal.wait_for("ETA ", 60)
    terminal.hang_up()
    assert await terminal.end(60) == 128 + signal.SIGHUP
    for root in (home.root, home.paths.demo_dir):
        await end_engine(Paths.resolve(root, {}), at_once=True)


async def test_q_leaves_with_status_0_and_the_keys_that_were_set(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text('[keymap]\n"global.close" = "Z"\n')
    async with PseudoTerminal(program(home), {**os.environ, **home.environ}) as terminal:
        await terminal.wait_for("No job has run here yet")
        terminal.press("q")
        terminal.press("Z")
        assert await terminal.end() == 0
        assert terminal.settings == terminal.settings_before
    await end_engine(home.paths, at_once=True)


async def test_in_process_the_engine_ends_with_the_window(home: EngineHome) -> None:
    command = [*program(home), "--in-process"]
    async with PseudoTerminal(command, {**os.environ, **home.environ}) as terminal:
        await terminal.wait_for("No job has run here yet")
        assert await answers(home.paths)
        terminal.press("q")
        assert await terminal.end() == 0
        assert not home.paths.socket_file.exists()


async def until_it_rests(pid: int) -> None:
    """Until the program's own thread sleeps and takes no time any more: it is stuck, or has nothing to do."""
    seen: list[tuple[str, list[str]]] = []

    def rests() -> bool:
        facts = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
        seen.append((facts[0], facts[11:13]))
        return len(seen) > LOOKS and seen[-1][0] == "S" and seen[-LOOKS:] == seen[-1:] * LOOKS

    await until(rests, seconds=60)


async def until_it_is_drawn(terminal: PseudoTerminal, pattern: str) -> None:
    """Have the whole screen drawn again until it has the text: otherwise only what changes is sent."""
    async with asyncio.timeout(60):
        while re.search(pattern, terminal.text) is None:
            terminal.press("\x0c")
            await asyncio.sleep(0.3)


@pytest.mark.fault(18)
async def test_a_terminal_that_nobody_reads_costs_the_job_nothing(home: EngineHome) -> None:
    """The job goes on; the window comes back true when it is read again, and SIGTERM ends one that is stuck."""
    large = {"COLUMNS": "200", "LINES": "60"}  # so that a few screens are more than the kernel keeps
    async with PseudoTerminal(
        program(home), {**os.environ, **home.environ, **large}, size=(200, 60)
    ) as terminal:
        await terminal.wait_for("No job has run here yet")
        async with EngineClient.connect(home.paths) as client:
            terminal.stall()
            terminal.press("21" * 15)  # each draws a whole screen
            job = await client.start_job(request("stalled", generation={"generations": 6}))
            assert (await client.wait_for_job(job.job_id)).images.approved == 6
            await until_it_rests(terminal.process.pid)
            assert "6/6" not in terminal.text
            terminal.read()
            await until_it_is_drawn(terminal, r"✓ completed #1 stalled +6/6")
        terminal.stall()
        terminal.press("21" * 15)
        await until_it_rests(terminal.process.pid)
        terminal.process.send_signal(signal.SIGTERM)
        assert await terminal.end() == 128 + signal.SIGTERM
        assert terminal.settings == terminal.settings_before
        assert await answers(home.paths)
    assert "takes nothing any more" in home.paths.log_file.read_text(), "it was stuck"
    await end_engine(home.paths, at_once=True)


@pytest.mark.parametrize("number", [signal.SIGHUP])
async def test_a_terminal_that_nobody_reads_does_not_keep_it(tmp_path: Path, number: signal.Signals) -> None:
    """Textual's writer blocks the event loop then, so nothing on the loop can end the program."""
    heartbeat = tmp_path / "turns"
    async with PseudoTerminal([sys.executable, "-c", NOISY, str(heartbeat)], os.environ) as terminal:
        await until(heartbeat.exists)
        terminal.stall()
        beats: list[str] = []

        def is_stuck() -> bool:
            beats.append(heartbeat.read_text())
            return len(beats) > 200 and len(set(beats[-200:])) == 1

        await until(is_stuck, seconds=60)
        terminal.process.send_signal(number)
        assert await terminal.end() == 128 + number
        assert terminal.settings == terminal.settings_before
