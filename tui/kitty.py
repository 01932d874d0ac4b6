"""Kitty's graphics protocol with unicode placeholders: a picture is sent once under a number and then placed by text,
so that it scrolls, is covered and disappears like text.

https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

import base64
import itertools
import random

PLACEHOLDER = "\U0010eeee"
CHUNK = 4096
"""Most characters of data in one command, as the protocol demands."""

_MARKS = "".join(
    map(
        chr,
        (
            *(0x0305, 0x030D, 0x030E, 0x0310, 0x0312, 0x033D, 0x033E, 0x033F, 0x0346),
            *range(0x034A, 0x034D),
            *range(0x0350, 0x0353),
            *(0x0357, 0x035B),
            *range(0x0363, 0x0370),
            *range(0x0483, 0x0488),
            *range(0x0592, 0x0596),
            *range(0x0597, 0x059A),
            *range(0x059C, 0x05A2),
            *(0x05A8, 0x05A9, 0x05AB, 0x05AC, 0x05AF, 0x05C4),
            *range(0x0610, 0x0618),
            *range(0x0657, 0x065C),
            *(0x065D, 0x065E),
            *range(0x06D6, 0x06DD),
            *(0x06DF, 0x06E0, 0x06E1, 0x06E2, 0x06E4, 0x06E7, 0x06E8, 0x06EB, 0x06EC),
        ),
    )
)
"""The first of kitty's rowcolumn-diacritics.txt, in its order: the combining mark that means row or column n."""

MOST_ROWS = len(_MARKS)

_numbers = itertools.count(random.randrange(1, 1 << 20))  # noqa: S311 - so that two programs rarely meet


def next_number() -> int:
    """A picture's number, 1 to 0xFFFFFF: it is the true colour of the cells that show the picture."""
    return next(_numbers) % 0xFFFFFF + 1


def transmission(number: int, png: bytes, columns: int, rows: int) -> str:
    """Send a picture under its number, to be shown in that many cells; answers are switched off."""
    data = base64.standard_b64encode(png).decode("ascii")
    parts = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)] or [""]
    commands = []
    for place, part in enumerate(parts):
        keys = f"i={number},f=100,q=2," if place == 0 else "q=2,"
        commands.append(f"\x1b_G{keys}m={0 if place == len(parts) - 1 else 1};{part}\x1b\\")
    commands.append(f"\x1b_Ga=p,U=1,i={number},c={columns},r={rows},q=2\x1b\\")
    return "".join(commands)


def deletion(number: int) -> str:
    """Take a picture out of the terminal's memory."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def placeholder_row(row: int, columns: int) -> str:
    """The text of one row of a picture. Each cell says which row and column it is; those too far to the right for the
    marks kept here follow the cell before them."""
    marked = "".join(f"{PLACEHOLDER}{_MARKS[row]}{mark}" for mark in _MARKS[:columns])
    return marked + PLACEHOLDER * (columns - len(_MARKS))


def through_tmux(commands: str) -> str:
    """The same commands for the terminal behind tmux (its option allow-passthrough must be on)."""
    wrapped = (f"{command}\x1b\\".replace("\x1b", "\x1b\x1b") for command in commands.split("\x1b\\")[:-1])
    return "".join(f"\x1bPtmux;{command}\x1b\\" for command in wrapped)
