from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounded

from engine.errors import SettingsError
from engine.settings import Settings, merge_settings
from engine.settings_files import read_settings_file, settings_to_toml
from tests.engine.settings_strategies import settings_data


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "job.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings_file(path)
    return "\n".join(f"{p.field}: {p.message} {p.hint}" for p in caught.value.problems)


def test_relative_paths_belong_to_the_folder_of_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[files]\nkeywords_file = "in/k.csv"\noutput_dir = "../out"\n'
        'work_dir = "~/w"\nquality_prompt_file = "/q.txt"\n',
    )
    files = read_settings_file(path)[0].files
    assert files.path("keywords_file") == tmp_path / "in/k.csv"
    assert files.output_dir == f"{tmp_path}/../out"
    assert files.work_dir == "~/w"
    assert files.quality_prompt_file == "/q.txt"
    assert files.system_prompt_file is None


def test_a_relative_file_name_still_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[files]\nkeywords_file = "k.csv"\n')
    monkeypatch.chdir(tmp_path)
    assert read_settings_file(Path("job.toml"))[0].files.keywords_file == str(tmp_path / "k.csv")


def test_warnings_name_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "[generation]\nsteps = 3\nmodle = 'x'\n")
    settings, (warning,) = read_settings_file(path)
    assert settings.generation.steps == 3
    assert warning.field == "generation.modle"
    assert warning.message.startswith(f"{path}, line 3: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[generation]\nsteps = = 3\n", ["line 2", "not valid TOML"]),
        ("[generation]\n\nsteps = 0\n", ["line 3", "generation.steps", "smallest"]),
        ("generation.steps = 'x'\n", ["line 1", "generation.steps", "whole number"]),
        (
            "[generation]\nloras = [\n  {model = 'a', weight = 99},\n]\n",
            ["line 2", "generation.loras[0].weight"],
        ),
        ("[generation]\ngenerations = 2000\nvariations = 6\n", ["line 2", "12,000"]),
        (b"# ok\nx = '\xff'\n", ["line 2", "UTF-8"]),
        ("ai = 3\n", ["line 1", "ai", "group of fields"]),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    path = write(tmp_path, text)
    message = refusal(path)
    assert str(path) in message
    assert all(word in message for word in words), message


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.toml")
    assert "cannot be read" in refusal(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf[generation]\r\nsteps = 7\r\n")
    assert read_settings_file(path)[0].generation.steps == 7


def test_the_written_file_explains_every_setting(tmp_path: Path) -> None:
    text = settings_to_toml(Settings())
    assert "# How many prompts are written. (1 to 2,500)" in text
    assert "budget_usd = ..." in text
    assert read_settings_file(write(tmp_path, text)) == (Settings(), [])


@given(settings_data())
@bounded(max_examples=40, deadline=None)
def test_writing_and_reading_give_equal_settings(
    tmp_path_factory: pytest.TempPathFactory, full: dict[str, Any]
) -> None:
    settings, _ = merge_settings(full)
    folder = tmp_path_factory.mktemp("toml")
    for with_comments in (True, False):
        path = write(folder, settings_to_toml(settings, with_comments=with_comments))
        assert read_settings_file(path) == (settings, [])


def test_quotes_backslashes_and_lines_survive(tmp_path: Path) -> None:
    settings, _ = merge_settings({"generation": {"negative_prompt": "a \"b\" \\ c\nd''' # e"}})
    assert read_settings_file(write(tmp_path, settings_to_toml(settings)))[0] == settings
