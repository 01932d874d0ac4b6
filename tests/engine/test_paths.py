import stat
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.paths import Paths


def all_places(paths: Paths) -> list[Path]:
    return [
        paths.data_dir,
        paths.config_dir,
        paths.default_output_dir,
        paths.default_export_dir,
        paths.socket_file,
        paths.database_file,
        paths.lock_file,
        paths.log_file,
        paths.work_dir,
        paths.previews_dir,
        paths.trash_dir,
        paths.config_file,
        paths.keys_file,
        paths.prices_file,
    ]


def test_with_a_home_every_file_lies_under_it() -> None:
    paths = Paths.resolve(Path("/h"), {})
    assert all(place.is_relative_to("/h") for place in all_places(paths))
    assert len(set(all_places(paths))) == len(all_places(paths))
    assert (paths.data_dir, paths.config_dir, paths.default_output_dir) == (
        Path("/h/data"),
        Path("/h/config"),
        Path("/h/output"),
    )
    assert paths.work_dir == Path("/h/data/work")


def test_the_variable_does_the_same_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert Paths.resolve(None, {"GIMF_HOME": "~/g"}).data_dir == Path("/home/someone/g/data")
    assert Paths.resolve(Path("/h"), {"GIMF_HOME": "/g"}).data_dir == Path("/h/data")


def test_a_relative_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Paths.resolve(Path("demo"), {}).data_dir == tmp_path / "demo" / "data"


def test_without_a_home_the_places_are_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    paths = Paths.resolve(None, {"GIMF_HOME": ""})
    assert paths.default_output_dir == Path("/home/someone/Pictures/gen-image-factory")
    assert all(place.is_relative_to("/home/someone") for place in all_places(paths))
    assert paths.config_dir != paths.data_dir


def test_private_folders_are_made_private_once(tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path / "h", {})
    paths.ensure()
    for folder in (tmp_path / "h", paths.data_dir, paths.config_dir, paths.work_dir, paths.previews_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not paths.default_output_dir.exists()
    paths.data_dir.chmod(0o750)
    paths.ensure()
    assert stat.S_IMODE(paths.data_dir.stat().st_mode) == 0o750


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(InputError, match=str(tmp_path / "data")):
        Paths.resolve(tmp_path, {}).ensure()


def test_a_long_path_gets_a_short_socket_of_its_own(tmp_path: Path) -> None:
    runtime = tmp_path / "r"
    long_home, other = tmp_path / ("x" * 120), tmp_path / ("y" * 120)
    paths = Paths.resolve(long_home, {"XDG_RUNTIME_DIR": str(runtime)})
    assert paths.socket_file.is_relative_to(runtime)
    assert paths.socket_file == Paths.resolve(long_home, {"XDG_RUNTIME_DIR": str(runtime)}).socket_file
    assert paths.socket_file != Paths.resolve(other, {"XDG_RUNTIME_DIR": str(runtime)}).socket_file
    paths.ensure()
    assert stat.S_IMODE(paths.socket_file.parent.stat().st_mode) == 0o700
    assert len(bytes(Paths.resolve(long_home, {}).socket_file)) <= 103


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path / ("x" * 120), {"XDG_RUNTIME_DIR": str(tmp_path)})
    paths.socket_file.parent.mkdir(mode=0o755)
    with pytest.raises(InputError, match="does not belong to you alone"):
        paths.ensure()
