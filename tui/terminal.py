"""How this terminal shows pictures, found out once before the full-screen program starts: afterwards its answers
would be taken for keys. Decides and says why; draws nothing. Imports nothing of Textual, which reads its colours when
it is imported."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

ANSWER_SECONDS = 2.0
"""Long enough for a slow line; a terminal that answers is not waited for any longer."""
SSH_COLORS, LOCAL_COLORS = 64, 256

_QUERIES = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[16t\x1b[c"
"""Kitty's graphics query, XTVERSION, the size of a cell, and device attributes last: every terminal answers those."""

_DEVICE = re.compile(rb"\x1b\[\?([0-9;]*)c")
_KITTY_OK = re.compile(rb"\x1b_Gi=31[^;]*;OK\x1b\\")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_VERSION = re.compile(r"(\d+)\.(\d+)")
_PLACEHOLDERS_SINCE = {"kitty": (0, 28), "ghostty": (1, 0)}
"""Terminals that place pictures by text (kitty's unicode placeholders), and since when. Others that know kitty's
protocol (WezTerm, Konsole) do not, and a picture that does not scroll with its text is of no use here."""
_TRUE_COLOR_NAMES = ("kitty", "ghostty", "wezterm", "foot", "iterm2", "konsole", "contour", "mintty")
_XTERM = re.compile(r"XTerm\((\d+)\)")
_TRUE_COLOR_XTERM = 331


class Protocol(StrEnum):
    """The ways to show a picture."""

    KITTY = "kitty"
    """Pixels, by kitty's graphics protocol with unicode placeholders."""
    SIXEL = "sixel"
    """Pixels, in at most 256 colours."""
    BLOCKS = "blocks"
    """Two coloured halves a cell: works wherever there are colours."""
    OFF = "off"
    """No pictures, their facts as text."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the terminal itself said."""

    has_answered: bool = False
    knows_kitty: bool = False
    knows_sixel: bool = False
    name: str = ""
    """Its name and version, as it tells them: `kitty(0.41.1)`, `XTerm(379)`, `WezTerm 2024...`."""
    cell: tuple[int, int] | None = None
    """Pixels of one cell, width and height."""


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """How pictures are shown, and why."""

    found: Protocol = Protocol.BLOCKS
    why_found: str = "nothing is known about the terminal"
    setting: str = "auto"
    cell: tuple[int, int] = (10, 20)
    """Pixels of one cell, width and height; a VT340's where the terminal does not say."""
    sixel_colors: int = LOCAL_COLORS
    is_tmux: bool = False
    is_true_color: bool = False
    name: str = ""

    @property
    def protocol(self) -> Protocol:
        """The way pictures are shown: what was set, else what was found."""
        return self.found if self.setting == "auto" else Protocol(self.setting)

    @property
    def reason(self) -> str:
        """Why so, as half a sentence."""
        return self.why_found if self.setting == "auto" else "chosen by you"

    def with_setting(self, setting: str) -> Self:
        """The same terminal with another choice: `auto` or a protocol's name."""
        return replace(self, setting=setting)

    def describe(self) -> str:
        """One line for people: `sixel: the terminal (XTerm(379)) says that it can; cells of 10x20 pixels`."""
        return f"{self.protocol}: {self.reason}; cells of {self.cell[0]}x{self.cell[1]} pixels"


def find_out(setting: str = "auto", environ: Mapping[str, str] | None = None) -> TerminalFacts:
    """Ask the terminal on stdin and stdout, if both are one. Takes milliseconds, at most `ANSWER_SECONDS`."""
    environ = os.environ if environ is None else environ
    answers = Answers()
    stdin, stdout = sys.__stdin__, sys.__stdout__
    is_terminal = False
    if stdin is not None and stdout is not None and stdin.isatty() and stdout.isatty():
        is_terminal = True
        if environ.get("TERM") != "dumb":
            answers = ask_terminal(stdin.fileno(), stdout.fileno())
    features = tmux_features() if environ.get("TMUX") else None
    return decide(answers, environ, setting=setting, is_terminal=is_terminal, tmux=features)


def prepare(environ: MutableMapping[str, str], facts: TerminalFacts) -> None:
    """Let Textual send all colours where the terminal has them: COLORTERM does not come through ssh, and in fewer
    colours kitty's pictures are invisible, because their number is a colour. Call it before Textual is imported."""
    if facts.is_true_color and not environ.get("NO_COLOR"):
        environ.setdefault("TEXTUAL_COLOR_SYSTEM", "truecolor")


def decide(
    answers: Answers,
    environ: Mapping[str, str],
    *,
    setting: str = "auto",
    is_terminal: bool = True,
    tmux: frozenset[str] | None = None,
) -> TerminalFacts:
    """The facts from what was asked. `tmux`: the features that all attached terminals have; None: not in tmux."""
    found, why = _best(answers, environ, is_terminal=is_terminal, tmux=tmux)
    is_remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    return TerminalFacts(
        found=found,
        why_found=why,
        setting=setting,
        cell=answers.cell or (10, 20),
        sixel_colors=SSH_COLORS if is_remote else LOCAL_COLORS,
        is_tmux=tmux is not None,
        is_true_color=_is_true_color(answers, environ, tmux),
        name=answers.name,
    )


def _best(
    answers: Answers, environ: Mapping[str, str], *, is_terminal: bool, tmux: frozenset[str] | None
) -> tuple[Protocol, str]:
    said = f"the terminal{f' ({answers.name})' if answers.name else ''}"
    is_screen = bool(environ.get("STY")) or environ.get("TERM", "").startswith("screen")
    rules = (
        (not is_terminal, Protocol.BLOCKS, "there is no terminal to ask"),
        (bool(environ.get("NO_COLOR")), Protocol.BLOCKS, "NO_COLOR is set"),
        (tmux is not None and "sixel" in tmux, Protocol.SIXEL, "tmux and the terminal behind it know sixel"),
        (tmux is not None, Protocol.BLOCKS, "tmux passes no pictures on to the terminal behind it"),
        (is_screen, Protocol.BLOCKS, "screen passes no pictures on"),
        (
            not answers.has_answered,
            Protocol.BLOCKS,
            f"the terminal did not answer within {ANSWER_SECONDS:g} s",
        ),
        (
            answers.knows_kitty and _places_by_text(answers.name),
            Protocol.KITTY,
            f"{said} says that it knows kitty's protocol",
        ),
        (answers.knows_sixel, Protocol.SIXEL, f"{said} says that it knows sixel"),
        (
            answers.knows_kitty,
            Protocol.BLOCKS,
            f"{said} knows kitty's protocol, but not its placeholders (kitty has them since 0.28)",
        ),
    )
    for applies, protocol, why in rules:
        if applies:
            return protocol, why
    return Protocol.BLOCKS, f"{said} knows neither kitty's protocol nor sixel"


def _places_by_text(name: str) -> bool:
    for known, since in _PLACEHOLDERS_SINCE.items():
        if name.lower().startswith(known):
            version = _VERSION.search(name)
            return version is not None and (int(version[1]), int(version[2])) >= since
    return False


def _is_true_color(answers: Answers, environ: Mapping[str, str], tmux: frozenset[str] | None) -> bool:
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return True
    if tmux is not None:
        return "RGB" in tmux
    xterm = _XTERM.match(answers.name)
    if xterm is not None:
        return int(xterm[1]) >= _TRUE_COLOR_XTERM
    return answers.name.lower().startswith(_TRUE_COLOR_NAMES)


# ---- asking


def ask_terminal(stdin: int, stdout: int, *, seconds: float = ANSWER_SECONDS) -> Answers:
    """Send the queries and read until the last is answered. Keys that are pressed meanwhile are lost."""
    try:
        before = termios.tcgetattr(stdin)
    except termios.error:
        return Answers()
    heard = b""
    try:
        tty.setcbreak(stdin, termios.TCSANOW)
        os.write(stdout, _QUERIES)
        end = time.monotonic() + seconds
        while not _DEVICE.search(heard) and (left := end - time.monotonic()) > 0:
            if select.select([stdin], [], [], left)[0]:
                heard += os.read(stdin, 4096)
    except OSError:
        return Answers()
    finally:
        termios.tcsetattr(stdin, termios.TCSANOW, before)
    answers = parse_answers(heard)
    return answers if answers.cell else replace(answers, cell=_measured_cell(stdout))


def _measured_cell(stdout: int) -> tuple[int, int] | None:
    """Pixels of a cell as the kernel knows them; many terminals tell it nothing."""
    try:
        rows, columns, width, height = struct.unpack(
            "HHHH", fcntl.ioctl(stdout, termios.TIOCGWINSZ, bytes(8))
        )
    except OSError:
        return None
    return _plausible((width // columns, height // rows)) if rows and columns else None


def _plausible(cell: tuple[int, int]) -> tuple[int, int] | None:
    return cell if min(cell) >= 2 and max(cell) <= 200 else None


def parse_answers(heard: bytes) -> Answers:
    """The replies, in whatever order and with whatever between them."""
    device, name, cell = _DEVICE.search(heard), _NAME.search(heard), _CELL.search(heard)
    return Answers(
        has_answered=device is not None,
        knows_kitty=_KITTY_OK.search(heard) is not None,
        knows_sixel=device is not None and b"4" in device[1].split(b";")[1:],
        name=name[1].decode("ascii", "ignore").strip() if name else "",
        cell=_plausible((int(cell[2]), int(cell[1]))) if cell else None,
    )


def tmux_features() -> frozenset[str]:
    """The features that every terminal attached to this tmux has: its own answers claim more (3.5 always claims
    sixel). Empty where tmux cannot be asked."""
    try:
        listed = subprocess.run(
            ["tmux", "list-clients", "-F", "#{client_termfeatures}"],  # noqa: S607 - the one in whose window we are
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        ).stdout.split("\n")
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    sets = [frozenset(line.split(",")) for line in listed if line]
    return frozenset.intersection(*sets) if sets else frozenset()
