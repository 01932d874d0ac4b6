"""What the terminal says decides how pictures are shown, and the reason is told."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tui import terminal
from tui.terminal import (
    Answers,
    Protocol,
    ask_terminal,
    decide,
    find_out,
    parse_answers,
    prepare,
    tmux_features,
)

KITTY = Answers(has_answered=True, knows_kitty=True, name="kitty(0.41.1)")
XTERM = Answers(has_answered=True, knows_sixel=True, name="XTerm(379)", cell=(6, 13))


@pytest.mark.parametrize(
    ("answers", "options", "protocol", "why"),
    [
        (KITTY, {}, Protocol.KITTY, "kitty(0.41.1)"),
        (Answers(has_answered=True, knows_kitty=True, name="ghostty 1.2.3"), {}, Protocol.KITTY, "ghostty"),
        (
            Answers(has_answered=True, knows_kitty=True, name="kitty(0.26.5)"),
            {},
            Protocol.BLOCKS,
            "since 0.28",
        ),
        (Answers(has_answered=True, knows_kitty=True), {}, Protocol.BLOCKS, "placeholders"),
        (
            Answers(has_answered=True, knows_kitty=True, knows_sixel=True, name="WezTerm 20240203"),
            {},
            Protocol.SIXEL,
            "WezTerm",
        ),
        (XTERM, {}, Protocol.SIXEL, "XTerm(379)"),
        (Answers(has_answered=True), {}, Protocol.BLOCKS, "neither"),
        (Answers(), {}, Protocol.BLOCKS, "did not answer"),
        (Answers(), {"is_terminal": False}, Protocol.BLOCKS, "no terminal"),
        (XTERM, {"tmux": frozenset({"RGB"})}, Protocol.BLOCKS, "tmux passes no pictures"),
        (XTERM, {"tmux": frozenset({"sixel"})}, Protocol.SIXEL, "tmux"),
        (KITTY, {"environ": {"NO_COLOR": "1"}}, Protocol.BLOCKS, "NO_COLOR"),
        (XTERM, {"environ": {"TERM": "screen-256color"}}, Protocol.BLOCKS, "screen"),
    ],
)
def test_the_best_way_and_why(
    answers: Answers, options: dict[str, Any], protocol: Protocol, why: str
) -> None:
    facts = decide(answers, options.pop("environ", {}), **options)
    assert facts.protocol is protocol
    assert why in facts.reason


def test_a_setting_wins_and_can_be_taken_back() -> None:
    facts = decide(KITTY, {"NO_COLOR": "1"}, setting="sixel")
    assert (facts.protocol, facts.reason) == (Protocol.SIXEL, "chosen by you")
    assert facts.with_setting("auto").protocol is Protocol.BLOCKS
    assert facts.with_setting("off").describe().startswith("off: chosen by you")


def test_fewer_colours_over_ssh_and_the_cells_own_size() -> None:
    assert decide(XTERM, {}).sixel_colors == 256
    assert decide(XTERM, {"SSH_CONNECTION": "::1 1 ::1 22"}).sixel_colors == 64
    assert decide(XTERM, {}).cell == (6, 13)
    assert decide(KITTY, {}).cell == (10, 20)


@pytest.mark.parametrize(
    ("answers", "environ", "tmux", "is_set"),
    [
        (KITTY, {}, None, True),
        (Answers(name="XTerm(379)"), {}, None, True),
        (Answers(name="XTerm(300)"), {}, None, False),
        (Answers(), {"COLORTERM": "truecolor"}, None, True),
        (Answers(), {}, None, False),
        (KITTY, {}, frozenset({"256"}), False),
        (Answers(), {}, frozenset({"RGB"}), True),
        (KITTY, {"NO_COLOR": "1"}, None, False),
    ],
)
def test_all_colours_are_switched_on_where_the_terminal_has_them(
    answers: Answers, environ: dict[str, str], tmux: frozenset[str] | None, is_set: bool
) -> None:
    facts = decide(answers, environ, tmux=tmux)
    prepare(environ, facts)
    assert ("TEXTUAL_COLOR_SYSTEM" in environ) is is_set


def test_the_users_own_choice_of_colours_stays() -> None:
    environ = {"TEXTUAL_COLOR_SYSTEM": "256", "COLORTERM": "truecolor"}
    prepare(environ, decide(KITTY, environ))
    assert environ["TEXTUAL_COLOR_SYSTEM"] == "256"


def test_replies_are_found_among_keys_and_in_any_order() -> None:
    heard = b"jj\x1b[6;18;9t\x1b_Gi=31;OK\x1b\\q\x1bP>|kitty(0.41.1)\x1b\\\x1b[?62;4;52c"
    assert parse_answers(heard) == Answers(True, True, True, "kitty(0.41.1)", (9, 18))
    assert parse_answers(b"\x1b[?64;1;2c") == Answers(has_answered=True)
    assert not parse_answers(b"\x1b[?4c").knows_sixel, "the first number is the terminal's class"
    assert not parse_answers(b"\x1b_Gi=31;ENOENT:no\x1b\\").knows_kitty
    assert parse_answers(b"\x1b[6;0;0t\x1b[?1c").cell is None


def answer(master: int, reply: bytes) -> None:
    """A terminal: reads until the last query has come, then replies."""
    heard = b""
    while not heard.endswith(b"\x1b[c"):
        heard += os.read(master, 4096)
    os.write(master, reply)


def test_a_terminal_is_asked_and_left_as_it_was() -> None:
    master, slave = pty.openpty()
    try:
        import termios

        before = termios.tcgetattr(slave)
        thread = threading.Thread(target=answer, args=(master, b"\x1b[6;20;10t\x1b[?62;4c"))
        thread.start()
        assert ask_terminal(slave, slave) == Answers(has_answered=True, knows_sixel=True, cell=(10, 20))
        thread.join()
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_a_silent_terminal_is_not_waited_for_long() -> None:
    master, slave = pty.openpty()
    try:
        assert not ask_terminal(slave, slave, seconds=0.05).has_answered
    finally:
        os.close(master)
        os.close(slave)


def test_what_is_no_terminal_is_not_asked(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb+") as file:
        assert ask_terminal(file.fileno(), file.fileno()) == Answers()
        assert file.tell() == 0
    assert find_out("auto", {}).reason == "there is no terminal to ask"


@pytest.mark.parametrize(
    ("printed", "features"),
    [
        ("RGB,sixel\n", {"RGB", "sixel"}),
        ("RGB,sixel\nRGB\n", {"RGB"}),
        ("\n", set()),
    ],
)
def test_tmux_is_asked_for_what_all_its_terminals_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, features: set[str]
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\nprintf '{printed}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert tmux_features() == features


def test_a_tmux_that_cannot_be_asked_has_no_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tmux_features() == frozenset()
    monkeypatch.setattr(terminal, "ask_terminal", lambda *_: KITTY)
    assert find_out("auto", {"TMUX": "/tmp/tmux-0/default,1,0"}).is_tmux


@pytest.mark.parametrize("module", ["tui.cli.open_app", "tui.cli.demo", "tui.cli.demo_app"])
def test_textual_is_not_imported_before_the_terminal_was_asked(module: str) -> None:
    """It reads TEXTUAL_COLOR_SYSTEM when it is imported; afterwards true colours, and with them kitty's pictures,
    would be missing wherever COLORTERM does not come through, as over ssh."""
    script = (
        f"import sys, {module}\nsys.exit(' '.join(one for one in sys.modules if one.startswith('textual')))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert outcome.stderr.strip() == ""
