"""What is on the screen of an app, as text that people can read and compare: the characters, and below them a map of
the styles with a legend."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.strip import Strip
from textual.widgets import Static

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse", "strike")


def strips_of(app: App[Any]) -> list[Strip]:
    """Every line as it goes to the terminal: dialogs over what is behind them, all filters applied."""
    update = app.screen._compositor.render_update(
        full=True, screen_stack=app._background_screens, simplify=True
    )
    assert isinstance(update, LayoutUpdate)
    return [Strip.join(list(parts)) for parts in update.strips]


def text_of_screen(app: App[Any]) -> str:
    """The characters alone."""
    return "\n".join(strip.text for strip in strips_of(app))


def describe_screen(app: App[Any], title: str, hide: Callable[[str], str]) -> str:
    """A whole snapshot: `title`, the characters, the map of styles, the legend. In the map a blank is a blank on the
    commonest background and a dot is the commonest style of text. `hide` puts something of the same width in the
    place of what is different everywhere, such as a folder."""
    strips = strips_of(app)
    styles = [[name for segment in strip for name in _style_names(segment)] for strip in strips]
    counts = Counter(name for row in styles for name in row)
    blanks = [name for name, _ in counts.most_common() if name.startswith("on ")]
    texts = [name for name, _ in counts.most_common() if not name.startswith("on ")]
    letters = dict(zip((*blanks[:1], *texts[:1]), " .", strict=False))
    for name in sorted(counts.keys() - letters.keys()):
        letters[name] = _letter(name, set(letters.values()))
    rule = f"+{'-' * app.size.width}+"
    characters = [f"|{hide(strip.text)}|" for strip in strips]
    cells = [f"|{''.join(letters[name] for name in row)}|" for row in styles]
    legend = [
        f"{'blank' if letter == ' ' else letter}  {name}"
        for name, letter in sorted(letters.items(), key=lambda item: item[1])
    ]
    return "\n".join([title, rule, *characters, rule, "styles", rule, *cells, rule, *legend, ""])


def _letter(name: str, taken: set[str]) -> str:
    """One that depends on the style alone, as far as that goes: a new style moves no other one's letter."""
    first = zlib.crc32(name.encode()) % len(LETTERS)
    return next(one for one in LETTERS[first:] + LETTERS[:first] if one not in taken)


def _style_names(segment: Segment) -> Iterator[str]:
    """One for each cell; of a blank only what can be seen of it."""
    name, style = _style_name(segment.style), segment.style
    is_seen = style is not None and (style.underline or style.reverse or style.strike)
    for character in segment.text:
        is_blank = character == " " and not is_seen
        for _ in range(cell_len(character)):
            yield name[name.index("on ") :] if is_blank else name


@cache
def _style_name(style: Style | None) -> str:
    """`bold #d8dee6 on #11151a`."""
    if style is None:
        return "default on default"
    words = [name for name in _ATTRIBUTES if getattr(style, name)]
    words.append(_colour(style, "color"))
    words.append(f"on {_colour(style, 'bgcolor')}")
    return " ".join(words)


def _colour(style: Style, part: str) -> str:
    colour = getattr(style, part)
    if colour is None:
        return "default"
    return str(colour.triplet.hex) if colour.triplet is not None else str(colour.name)


def text_of(widget: Static) -> str:
    """What a widget says, without styles, on lines of at most 200 characters."""
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(widget.content)
    return capture.get()
