"""The program's own two themes; Textual's are there beside them."""

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
