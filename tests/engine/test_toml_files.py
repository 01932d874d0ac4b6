import os
import stat
import tomllib
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.toml_files import find_line, read_toml, set_value, write_private_text

TEXT = """\
# mine
theme = "dark"  # evening
top.level = 1

[notifications]
bell = true

[keymap]
"review.approve" = "a"  # reject is x
"""


def test_lines_of_keys_and_tables() -> None:
    assert find_line(TEXT, "theme") == 2
    assert find_line(TEXT, "top.level") == 3
    assert find_line(TEXT, "notifications.bell") == 6
    assert find_line(TEXT, "notifications.title") == 5
    assert find_line(TEXT, "keymap.review.approve") == 9
    assert find_line(TEXT, "folders.output") is None
    assert find_line("a = {b = 1}", "a.b") == 1


def test_the_place_of_a_list_item_is_its_list(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[a]\nb = [1,\n2]\n")
    assert read_toml(path).place("a.b[1]") == f"{path}, line 2"
    assert read_toml(path).place("z") == str(path)


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        (("theme",), "light", ["# mine", "# reject is x"]),
        (("image_protocol",), "sixel", ["# mine", "# evening", "# reject is x"]),
        (("notifications", "bell"), False, ["# mine", "# evening", "# reject is x"]),
        (("notifications", "title"), False, ["# mine", "# evening", "# reject is x"]),
        (("keymap", "review.approve"), "y", ["# mine", "# evening"]),
        (("folders", "output"), "~/x", ["# mine", "# evening", "# reject is x"]),
        (("notifications", "bell"), None, ["# mine", "# evening", "# reject is x"]),
        (("folders", "output"), None, ["# mine", "# evening", "# reject is x"]),
    ],
)
def test_one_value_changes_and_comments_stay(
    tmp_path: Path, field: tuple[str, ...], value: object, kept: list[str]
) -> None:
    path = tmp_path / "x.toml"
    path.write_text(TEXT)
    changed = set_value(read_toml(path), field, value)
    wanted = tomllib.loads(TEXT)
    table = wanted
    for name in field[:-1]:
        table = table.setdefault(name, {}) if value is not None else table.get(name, {})
    if value is None:
        table.pop(field[-1], None)
    else:
        table[field[-1]] = value
    assert tomllib.loads(changed) == wanted
    assert all(comment in changed for comment in kept)


@pytest.mark.parametrize(
    "text", ["n = {bell = true}\n", 'n.bell = """\ntrue\n"""\n', "n.bell = [\n1,\n2,\n]\n", ""]
)
def test_what_cannot_be_edited_in_its_line_is_written_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert tomllib.loads(set_value(read_toml(path), ("n", "bell"), False)) == {"n": {"bell": False}}


def test_broken_files_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = 1\nb = \n")
    with pytest.raises(SettingsError, match="line 2"):
        read_toml(path)
    path.write_bytes(b"a = 1\n\nb = '\xe9'\n")
    with pytest.raises(SettingsError, match=r"line 3.*UTF-8"):
        read_toml(path)
    with pytest.raises(FileNotFoundError):
        read_toml(tmp_path / "none.toml")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with path.open("wb") as file:
        file.truncate(1_000_001)
    with pytest.raises(SettingsError, match="larger than"):
        read_toml(path)


def test_private_files_are_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.toml"
    write_private_text(path, "a\n")
    write_private_text(path, "é\n")
    assert path.read_text(encoding="utf-8") == "é\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["keys.toml"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    write_private_text(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_private_text(path, "new \ud800\n")
    assert path.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["x.toml"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old")
    link.symlink_to(real)
    write_private_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
