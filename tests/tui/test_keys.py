"""The table of keys: nothing clashes, nothing that terminals own, nothing harmless here and destructive there."""

import pytest
from textual.binding import Binding

from tui.app import FactoryApp
from tui.factory_screen import FactoryScreen
from tui.key_table import ACTIONS, SECTION_TITLES
from tui.keys import (
    FORBIDDEN_KEYS,
    actions_in,
    bindings_for,
    checked_keymap,
    display_key,
    display_keys,
    is_forbidden,
    sections_of,
    split_keys,
)
from tui.screens.dashboard import DashboardScreen
from tui.screens.gallery import GalleryScreen
from tui.screens.job_detail import JobDetailScreen
from tui.screens.jobs import JobsScreen
from tui.screens.review import ReviewScreen
from tui.screens.settings import SettingsScreen
from tui.screens.statistics import StatisticsScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.decision_panel import DecisionPanel
from tui.widgets.field_list import FieldList
from tui.widgets.filter_bar import FilterKeys
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.log_panel import LogPanel
from tui.widgets.log_view import LogView
from tui.widgets.record_table import RecordTable
from tui.widgets.settings_form import FieldForm

SCREENS = (
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
DESTRUCTIVE = {"remove", "delete", "trash", "lost", "stop", "force_stop"}


def test_ids_are_unique_and_sections_known() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert {action.section for action in ACTIONS} <= set(SECTION_TITLES)


def test_no_key_is_one_that_terminals_own() -> None:
    for action in ACTIONS:
        assert not [key for key in split_keys(action.keys) if is_forbidden(key)], action.id
    assert {"ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m"} == FORBIDDEN_KEYS


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screens_own_keys_do_not_clash(screen: str) -> None:
    """A screen may take over a key of the app or of its lists, but never has one key for two things itself."""
    keys = [key for action in actions_in(screen) for key in split_keys(action.keys)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("screen", SCREENS)
def test_no_screen_takes_a_key_of_the_app(screen: str) -> None:
    own = {key for action in actions_in(screen) for key in split_keys(action.keys)}
    everywhere = {key for action in actions_in("global", "screen") for key in split_keys(action.keys)}
    assert not own & everywhere


def test_a_destructive_key_is_nowhere_harmless() -> None:
    destructive = {key for action in ACTIONS if action.verb in DESTRUCTIVE for key in split_keys(action.keys)}
    assert destructive == {"d", "x", "X"}
    for action in ACTIONS:
        if action.verb not in DESTRUCTIVE:
            assert not destructive & set(split_keys(action.keys)), action.id


@pytest.mark.parametrize("screen", SCREENS)
def test_the_footer_has_at_most_eight_keys(screen: str) -> None:
    shown = [action for action in actions_in(*sections_of(screen)) if action.is_shown]
    assert len(shown) <= 10  # some exclude each other; the footer itself cuts at eight
    assert all(action.label and action.help.endswith(".") for action in ACTIONS)


def test_bindings_carry_the_id_and_the_verb() -> None:
    (first, *_) = bindings_for("dashboard")
    assert isinstance(first, Binding)
    assert (first.id, first.action, first.key, first.show) == ("dashboard.start", "start", "s", True)


def test_keys_read_as_people_write_them() -> None:
    assert [
        display_key(key) for key in ("ctrl+s", "left_square_bracket", "escape", "comma", "G", "shift+tab")
    ] == [
        "^s",
        "[",
        "esc",
        ",",
        "G",
        "shift+tab",
    ]
    helping = next(action for action in ACTIONS if action.id == "global.help")
    assert display_keys(helping, {}) == "?, F1"
    assert display_keys(helping, {"global.help": "f2"}) == "f2"


def test_a_keymap_replaces_keys() -> None:
    good, problems = checked_keymap({"jobs.rerun": "R", "jobs.rerun_as_run": "r", "global.help": "?,f2"})
    assert good == {"jobs.rerun": "R", "jobs.rerun_as_run": "r", "global.help": "question_mark,f2"}
    assert problems == []


@pytest.mark.parametrize(
    ("keymap", "told"),
    [
        ({"review.aprove": "a"}, "no action review.aprove"),
        ({"review.approve": " "}, "review.approve has no key"),
        ({"review.approve": "ctrl+a"}, "cannot be ctrl+a"),
        ({"review.approve": "alt+a"}, "cannot be alt+a"),
        ({"review.approve": "d"}, "review.approve cannot be d: review.trash has it"),
        ({"review.approve": "q"}, "global.close has it"),
        ({"global.quit": "x"}, "no action global.quit"),
        ({"global.close": "x"}, "global.close cannot be x"),
        ({"list.open": "a"}, "list.open cannot be a: review.approve has it"),
    ],
)
def test_what_cannot_be_used_is_refused_and_named(keymap: dict[str, str], told: str) -> None:
    good, problems = checked_keymap(keymap)
    assert good == {}
    assert len(problems) == 1
    assert told in problems[0]


def test_of_two_remapped_actions_that_clash_one_is_refused() -> None:
    good, problems = checked_keymap({"jobs.rerun": "z", "jobs.rename": "z"})
    assert len(good) == 1
    assert len(problems) == 1


PROMISED = {
    "global": "1 2 3 4 5 ctrl+p : ? f1 escape backspace q tab ctrl+l",
    "screen": "y Y",
    "list": "j k down up g G ctrl+d ctrl+u space V A enter l h",
    "filter": "/ f o O",
    "dashboard": "s n x X p r J K d u e i",
    "jobs": "r R e d u t x X",
    "job_detail": "[ ] n N r R e t d E",
    "review": "a r R ctrl+r d u comma . w i [ ]",
    "decide": "r ctrl+r d",
    "gallery": "v e t d",
    "viewer": "h l z + - left right up down b i m a r R ctrl+r t d",
    "logs": "F f / n N w S J",
    "statistics": "[ ] f /",
    "form": "enter space + - [ ] / D",
    "settings": "ctrl+s T e",
}
"""What the program is known by: whoever takes one of these away tells the users."""


@pytest.mark.parametrize("section", PROMISED)
def test_the_promised_keys_are_there(section: str) -> None:
    keys = {key for action in actions_in(section) for key in split_keys(action.keys)}
    promised = {key for word in PROMISED[section].split() for key in split_keys(word)}
    assert promised <= keys


DOERS: dict[str, type[object]] = {
    "global": FactoryApp,
    "screen": FactoryScreen,
    "list": RecordTable,
    "grid": GalleryGrid,
    "filter": FilterKeys,
    "dashboard": DashboardScreen,
    "jobs": JobsScreen,
    "job_detail": JobDetailScreen,
    "review": ReviewScreen,
    "decide": DecisionPanel,
    "gallery": GalleryScreen,
    "viewer": ViewerScreen,
    "logs": LogPanel,
    "statistics": StatisticsScreen,
    "form": FieldForm,
    "settings": SettingsScreen,
}


@pytest.mark.parametrize("section", DOERS)
def test_every_action_is_done_by_somebody(section: str) -> None:
    doers = (DOERS[section], FieldList, LogView) if section in ("form", "logs") else (DOERS[section],)
    undone = [
        action.id
        for action in actions_in(section)
        if not any(hasattr(doer, f"action_{action.verb}") for doer in doers)
    ]
    assert undone == []
    assert set(DOERS) == {action.section for action in ACTIONS}
