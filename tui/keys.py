"""What comes from the table of actions: bindings, what works where, how keys are written, and the user's own keys."""

from collections.abc import Iterator, Mapping

from textual.binding import Binding, BindingType
from textual.keys import format_key

from tui.key_table import ACTIONS, Action

FORBIDDEN_KEYS = frozenset(f"ctrl+{letter}" for letter in "abhijm")
"""Multiplexers and terminals own them; so they own everything with alt."""

_BY_ID = {action.id: action for action in ACTIONS}


def action_of(action_id: str) -> Action:
    """The action with that id; KeyError where there is none."""
    return _BY_ID[action_id]


def actions_in(*sections: str) -> list[Action]:
    """The actions of these sections, in the order of the table."""
    return [action for action in ACTIONS if action.section in sections]


def bindings_for(*sections: str) -> list[BindingType]:
    """Textual bindings with their ids, for a class's BINDINGS; the app's keymap is put over them by Textual."""
    return [
        Binding(
            action.keys,
            action.verb,
            action.label,
            show=action.is_shown,
            tooltip=action.help,
            id=action.id,
        )
        for action in actions_in(*sections)
    ]


def display_keys(action: Action, keymap: Mapping[str, str]) -> str:
    """The keys as people write them: `?, F1`."""
    keys = keymap.get(action.id, action.keys)
    return ", ".join(display_key(key) for key in split_keys(keys))


def display_key(key: str) -> str:
    """`ctrl+s` as `^s`, `left_square_bracket` as `[`, `escape` as `esc`."""
    *modifiers, name = key.split("+") if len(key) > 1 else [key]
    shown = _NAMES.get(name) or format_key(name)
    if "ctrl" in modifiers:
        return f"^{shown}"
    return "+".join((*modifiers, shown))


_NAMES = {
    "escape": "esc",
    "enter": "enter",
    "space": "space",
    "backspace": "bksp",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "f1": "F1",
}


def split_keys(keys: str) -> list[str]:
    """`"j,down"` as its keys, in Textual's long names."""
    return [_LONG_NAMES.get(key.strip(), key.strip()) for key in keys.split(",") if key.strip()]


_LONG_NAMES = {
    "?": "question_mark",
    ":": "colon",
    "/": "slash",
    ".": "full_stop",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "+": "plus",
    "-": "minus",
    "esc": "escape",
}

_SCREENS = (
    "dashboard",
    "jobs",
    "job_detail",
    "review",
    "decide",
    "gallery",
    "viewer",
    "logs",
    "statistics",
    "settings",
)
_LIST_SCREENS = frozenset(
    {"dashboard", "jobs", "job_detail", "review", "decide", "gallery", "logs", "statistics"}
)
_GRID_SCREENS = frozenset({"gallery", "job_detail", "review"})
_FILTER_SCREENS = frozenset({"jobs", "job_detail", "review", "gallery"})
_MARK_SCREENS = frozenset({"dashboard", "jobs", "review", "decide", "gallery"})
_FORM_SCREENS = frozenset({"settings"})


def sections_of(screen_section: str) -> tuple[str, ...]:
    """The sections whose keys work on a screen, its own first."""
    lists = ("list",) if screen_section in _LIST_SCREENS else ()
    grids = ("grid",) if screen_section in _GRID_SCREENS else ()
    filters = ("filter",) if screen_section in _FILTER_SCREENS else ()
    forms = ("form",) if screen_section in _FORM_SCREENS else ()
    return (screen_section, *lists, *grids, *filters, *forms, "screen", "global")


def told_sections(screen_section: str) -> tuple[str, ...]:
    """As `sections_of`, with the part of a screen that has keys of its own: help and palette name them too."""
    own, *others = sections_of(screen_section)
    return (own, "decide", *others) if own == "review" else (own, *others)


def actions_on(screen_section: str) -> list[Action]:
    """What works on a screen, its own first, with the part of it that has keys of its own; marks only where rows can be
    marked."""
    return [
        action
        for section in told_sections(screen_section)
        for action in actions_in(section)
        if screen_section in _MARK_SCREENS or not action.id.startswith("list.mark")
    ]


def checked_keymap(keymap: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The part of the user's keymap that can be used, and a sentence for each entry that cannot.

    Refused are unknown actions, keys that terminals own, and keys that do something else on the same screen.
    """
    good: dict[str, str] = {}
    problems: list[str] = []
    for action_id, text in keymap.items():
        keys = split_keys(text)
        if action_id not in _BY_ID:
            problems.append(f"keymap: there is no action {action_id}.")
        elif not keys:
            problems.append(f"keymap: {action_id} has no key.")
        elif taken := [key for key in keys if is_forbidden(key)]:
            problems.append(
                f"keymap: {action_id} cannot be {', '.join(taken)}: terminals and multiplexers own it."
            )
        else:
            good[action_id] = ",".join(keys)
    while clash := next(_clashes(good), None):
        action_id, key, other = clash
        del good[action_id]
        problems.append(
            f"keymap: {action_id} cannot be {display_key(key)}: {other} has it on the same screen."
        )
    return good, problems


def is_forbidden(key: str) -> bool:
    """Whether no action may have this key."""
    return key in FORBIDDEN_KEYS or key.startswith("alt+") or "+alt+" in key


def _clashes(keymap: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Remapped action, key, and the other action with that key, on any screen."""
    for screen in _SCREENS:
        holders: dict[str, list[str]] = {}
        for action in actions_in(*sections_of(screen)):
            for key in split_keys(keymap.get(action.id, action.keys)):
                holders.setdefault(key, []).append(action.id)
        for key, ids in holders.items():
            for action_id in ids:
                others = [other for other in ids if other != action_id]
                if action_id in keymap and key in split_keys(keymap[action_id]) and others:
                    yield action_id, key, others[0]
