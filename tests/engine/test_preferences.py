import tomllib
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.paths import Paths
from engine.preferences import Preferences, load_preferences, save_preferences


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def refusal(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_preferences(path, environ or {})
    return "\n".join(f"{p.field}: {p.message} {p.hint}" for p in caught.value.problems)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    preferences, warnings = load_preferences(tmp_path / "none.toml", {})
    assert preferences == Preferences()
    assert warnings == []
    assert preferences.resume_on_start
    assert preferences.on_hangup == "continue"
    assert preferences.base_urls.model_dump() == {
        "piapi": "https://api.piapi.ai",
        "openai": "https://api.openai.com/v1",
        "remove_bg": "https://api.remove.bg/v1.0",
        "runware": "https://api.runware.ai/v1",
    }


def test_the_file_is_put_over_the_defaults(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'theme = "nord"\nresume_on_start = false\n[keymap]\n"review.approve" = "y,enter"\n'
        '[notifications]\nbell = false\n[base_urls]\nopenai = "http://localhost:8080/v1/"\n',
    )
    preferences, _ = load_preferences(path, {})
    assert preferences.theme == "nord"
    assert not preferences.resume_on_start
    assert preferences.keymap == {"review.approve": "y,enter"}
    assert not preferences.notifications.bell
    assert preferences.notifications.title
    assert preferences.base_urls.openai == "http://localhost:8080/v1"
    assert preferences.base_urls.piapi == "https://api.piapi.ai"


def test_the_environment_wins_for_base_urls(tmp_path: Path) -> None:
    path = write(tmp_path, '[base_urls]\npiapi = "https://from.file"\n')
    preferences, _ = load_preferences(
        path, {"PIAPI_BASE_URL": "http://127.0.0.1:9/piapi", "RUNWARE_BASE_URL": " "}
    )
    assert preferences.base_urls.piapi == "http://127.0.0.1:9/piapi"
    assert preferences.base_urls.runware == "https://api.runware.ai/v1"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://x", "http or https"),
        ("api.piapi.ai", "http or https"),
        ("https://", "http or https"),
        ("https://me:hunter2@host/", "user name or password"),
        ("https://host/v1?key=hunter2", "query"),
        ("https://host:port", "not a URL"),
        ("https://ho st/", "blanks"),
        ("https://host/\x1b", "control"),
    ],
)
def test_bad_base_urls_are_refused_without_repeating_them(tmp_path: Path, url: str, reason: str) -> None:
    message = refusal(tmp_path / "none.toml", {"OPENAI_BASE_URL": url})
    assert message.startswith("OPENAI_BASE_URL: ")
    assert reason in message
    assert "hunter2" not in message
    if "\x1b" not in url:
        message = refusal(write(tmp_path, f'[base_urls]\npiapi = "{url}"\n'))
        assert "base_urls.piapi" in message
        assert "line 2" in message
        assert reason in message
        assert "hunter2" not in message


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('image_protocol = "sixl"\n', ["line 1", "image_protocol", "Did you mean sixel?"]),
        ("[notifications]\nbell = 1\n", ["line 2", "notifications.bell", "neither true nor false"]),
        (
            '[keymap]\nreview.approve = "a"\n',
            ["keymap", "review stands without quotes", '"review.approve" = "a"'],
        ),
        ("theme = \n", ["line 1", "not valid TOML"]),
        ('on_hangup = "ignore"\n', ["on_hangup", "continue, stop"]),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path, text)
    message = refusal(path)
    assert str(path) in message
    assert all(word in message for word in words), message


def test_unknown_fields_are_warnings_with_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, 'theme = "x"\n[notifications]\nbel = true\n')
    _, (warning,) = load_preferences(path, {})
    assert warning.field == "notifications.bel"
    assert "line 3" in warning.message
    assert warning.hint == "Did you mean notifications.bell?"


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    paths = Paths.resolve(tmp_path, {})
    plain, _ = load_preferences(tmp_path / "none.toml", {})
    assert plain.output_folder(paths) == paths.default_output_dir
    assert plain.work_folder(paths) == paths.work_dir
    assert plain.export_folder(paths) == paths.default_export_dir
    path = write(tmp_path, '[folders]\noutput = "~/o"\nwork = "w"\nexports = "/e"\n')
    own, _ = load_preferences(path, {})
    assert own.output_folder(paths) == Path("/home/someone/o")
    assert own.work_folder(paths) == tmp_path / "w"
    assert own.export_folder(paths) == Path("/e")


def test_saving_changes_only_what_was_asked(tmp_path: Path) -> None:
    path = write(tmp_path, '# mine\ntheme = "a"\nfuture = 1\n[base_urls]\npiapi = "https://from.file"\n')
    environ = {"PIAPI_BASE_URL": "http://127.0.0.1:9"}
    preferences, (warning,) = save_preferences(
        path, {"theme": "b", "notifications.bell": False, "keymap.review.approve": "y"}, environ
    )
    assert (preferences.theme, preferences.notifications.bell) == ("b", False)
    assert preferences.base_urls.piapi == "http://127.0.0.1:9"
    assert warning.field == "future"
    assert path.read_text().startswith("# mine\n")
    assert tomllib.loads(path.read_text()) == {
        "theme": "b",
        "future": 1,
        "base_urls": {"piapi": "https://from.file"},
        "notifications": {"bell": False},
        "keymap": {"review.approve": "y"},
    }
    assert load_preferences(path, environ)[0] == preferences


def test_saving_makes_the_file_and_removes_a_field(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.toml"
    save_preferences(path, {"theme": "b", "image_protocol": "off"}, {})
    save_preferences(path, {"theme": None}, {})
    assert tomllib.loads(path.read_text()) == {"image_protocol": "off"}


def test_nothing_is_saved_that_could_not_be_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, 'theme = "a"\n')
    with pytest.raises(SettingsError, match="image_protocol"):
        save_preferences(path, {"theme": "b", "image_protocol": "x"}, {})
    assert path.read_text() == 'theme = "a"\n'


@pytest.mark.fault(28)
def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path, "theme = \n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        save_preferences(path, {"theme": "b"}, {})
    assert path.read_text() == "theme = \n"
