"""Paths as people type them: completed, and judged in words."""

from pathlib import Path

import pytest

from tui.path_names import Completion, complete, judge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("keywords.csv", "keywords.txt", "keynote.png", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "inner.txt").touch()
    return tmp_path


def test_what_all_candidates_share_is_added(folder: Path) -> None:
    found = complete(f"{folder}/k")
    assert found.text == f"{folder}/key"
    assert found.candidates == ("keynote.png", "keys/", "keywords.csv", "keywords.txt")


def test_a_single_candidate_is_written_whole_and_a_folder_can_be_entered(folder: Path) -> None:
    assert complete(f"{folder}/keys").text == f"{folder}/keys/"
    assert complete(f"{folder}/keys/").text == f"{folder}/keys/inner.txt"


def test_only_what_fits_is_offered(folder: Path) -> None:
    assert complete(f"{folder}/key", suffixes=(".csv",)).candidates == ("keys/", "keywords.csv")
    assert complete(f"{folder}/key", only_folders=True) == Completion(f"{folder}/keys/", ("keys/",))
    assert complete(f"{folder}/.").candidates == (".hidden",)


def test_nothing_there_changes_nothing(folder: Path) -> None:
    for text in (f"{folder}/zzz", f"{folder}/gone/x", f"{folder}/keywords.csv/x", "~nobody-of-that-name/x"):
        assert complete(text) == Completion(text)


def test_home_stays_as_it_was_typed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert complete("~").text == "~/"
    assert complete("~/keyw").text == "~/keywords."
    assert judge("~/keywords.csv", is_folder=False).is_good


def test_names_that_no_setting_could_hold_are_left_out(folder: Path) -> None:
    (folder / "bad\x1b[31m.txt").touch()
    assert complete(f"{folder}/b") == Completion(f"{folder}/b")


@pytest.mark.parametrize(
    ("name", "is_folder", "words"),
    [
        ("keywords.csv", False, "found"),
        ("gone.csv", False, "no such file"),
        ("keys", False, "a folder, not a file"),
        ("keys", True, "found"),
        ("new/deeper", True, "will be made"),
        ("keywords.csv", True, "a file, not a folder"),
    ],
)
def test_what_lies_there(folder: Path, name: str, is_folder: bool, words: str) -> None:
    state = judge(str(folder / name), is_folder=is_folder)
    assert state.words == words
    assert state.is_good == (words in ("found", "will be made"))


def test_a_folder_below_a_file_cannot_be_made(folder: Path) -> None:
    state = judge(str(folder / "keywords.csv" / "deeper"), is_folder=True)
    assert not state.is_good
    assert "is a file" in state.words


def test_an_unknown_home_is_said() -> None:
    assert judge("~nobody-of-that-name/x", is_folder=True).words == "that home folder is not known"
