"""The program's own two themes; Textual's are there beside them."""

from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="gimf-dark",
    primary="#6ea8fe",
    secondary="#8fb8de",
    accent="#f2b872",
    warning="#e5c07b",
    error="#f07178",
    success="#8bc98b",
    foreground="#d8dee6",
    background="#11151a",
    surface="#171c22",
    panel="#222932",
    dark=True,
    variables={
        "border": "#3a4452",
        "block-cursor-background": "#2d4f7c",
        "block-cursor-foreground": "#ffffff",
    },
)

LIGHT = Theme(
    name="gimf-light",
    primary="#1f5fbf",
    secondary="#3f6d9e",
    accent="#9a5b00",
    warning="#8a6100",
    error="#b3261e",
    success="#1c7a34",
    foreground="#1b222b",
    background="#fbfbf9",
    surface="#f2f2ee",
    panel="#e4e5e1",
    dark=False,
    variables={
        "border": "#b9bec5",
        "block-cursor-background": "#cfe0fa",
        "block-cursor-foreground": "#10151b",
    },
)

THEMES = (DARK, LIGHT)


def _terminal_colours(background: str, foreground: str, colours: str) -> TerminalTheme:
    """What `red`, `green` and so on of statuses look like. `colours`: black, red, green, yellow, blue, magenta, cyan,
    white, grey; the bright ones are the same, so that every one is readable on the background."""
    normal = [Color.parse(colour).rgb for colour in colours.split()]
    return TerminalTheme(Color.parse(background).rgb, Color.parse(foreground).rgb, normal, normal[:8])


DARK_TERMINAL = _terminal_colours(
    "#11151a", "#d8dee6", "#222932 #f07178 #8bc98b #e5c07b #6ea8fe #c9a0dc #7fc8d8 #d8dee6 #8b96a5"
)
LIGHT_TERMINAL = _terminal_colours(
    "#fbfbf9", "#1b222b", "#1b222b #b3261e #1c7a34 #8a6100 #1f5fbf #7a3e9d #00708f #e4e5e1 #616b78"
)
"""In place of Textual's, whose red is lost without colours, and whose yellow is too pale on white."""
