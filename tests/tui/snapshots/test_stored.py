"""The stored texts themselves: readable, of the size they say, and nothing private in them."""

import getpass
from pathlib import Path

import pytest

from tests.support.engine import KEYS
from tests.tui.snapshots.conftest import STORED

FILES = sorted(STORED.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_screen_is_whole_and_holds_nothing_of_this_machine(file: Path) -> None:
    title, *lines = file.read_text(encoding="utf-8").split("\n")
    width, height = (int(number) for number in title.split(", ")[1].split("x"))
    screen, styles = lines[1 : height + 1], lines[height + 4 : 2 * height + 4]
    assert all(line[0] == line[-1] == "|" for line in (*screen, *styles))
    assert all(len(line) == width + 2 for line in styles)
    assert lines[height + 2] == "styles"
    text = "\n".join(screen)
    assert text.isprintable() or all(one.isprintable() or one == "\n" for one in text)
    for private in ("/tmp", "/root", str(Path.home()), f"/{getpass.getuser()}/", *KEYS.values()):
        assert private not in text


def test_there_is_one_for_every_screen_in_both_sizes() -> None:
    names = {file.stem for file in FILES}
    for screen in (
        *("dashboard", "jobs", "job-overview", "job-images", "job-logs", "job-settings"),
        *("review", "gallery", "gallery-list", "viewer", "settings", "logs", "statistics"),
        *("gallery-agency", "edit-texts", "export", "export-sheet"),
        *("help", "palette", "start", "quit", "first-start"),
    ):
        assert {f"{screen}-80x24", f"{screen}-120x36"} <= names
    for screen in ("dashboard", "review", "statistics"):
        assert {f"{screen}-80x24-light", f"{screen}-80x24-no-color"} <= names
