"""engine.doctor: what is found, without changing anything."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine import doctor
from engine.doctor import CheckView, examine
from engine.lock import FolderLock
from engine.paths import Paths
from engine.secrets import KeyStore
from engine.settings import Settings, override_settings


async def checks_of(
    paths: Paths, environ: Mapping[str, str] | None = None, settings: Settings | None = None
) -> dict[str, CheckView]:
    environ = environ or {}
    keys = KeyStore(paths.keys_file, environ, load=lambda: None)
    checks = [check async for check in examine(paths, keys, environ, settings or Settings(), is_online=False)]
    names = [check.check for check in checks]
    assert len(names) == len(set(names))
    return {check.check: check for check in checks}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.resolve(tmp_path / "home", {})


async def test_looking_makes_nothing(paths: Paths, tmp_path: Path) -> None:
    await checks_of(paths)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "needed"),
    [
        ([], {"piapi", "openai"}),
        (["generation.provider=runware"], {"runware", "openai"}),
        (["generation.provider=openai"], {"openai"}),
        (["processing.remove_background=on"], {"piapi", "openai", "remove_bg"}),
    ],
)
async def test_only_keys_that_a_job_needs_are_missed(
    paths: Paths, overrides: list[str], needed: set[str]
) -> None:
    checks = await checks_of(paths, settings=override_settings(Settings(), overrides))
    missed = {name for name in ("openai", "piapi", "remove_bg", "runware") if not checks[f"key of {name}"].ok}
    assert missed == needed


async def test_a_key_is_named_by_its_source_only(paths: Paths) -> None:
    check = (await checks_of(paths, {"PIAPI_API_KEY": "the-key-itself"}))["key of piapi"]
    assert (check.ok, check.detail) == (True, "from the environment")


async def test_a_keys_file_that_others_may_read_is_told(paths: Paths) -> None:
    paths.ensure()
    paths.keys_file.write_text('piapi = "the-key-itself"\n')
    paths.keys_file.chmod(0o644)
    check = (await checks_of(paths))["key of piapi"]
    assert not check.ok
    assert "chmod 600" in check.hint
    assert "the-key-itself" not in check.detail


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://gateway.example/v1", True),
        ("http://127.0.0.1:8080/v1", True),
        ("http://gateway.example/v1", False),
    ],
)
async def test_a_key_must_not_travel_in_the_clear(paths: Paths, url: str, is_safe: bool) -> None:
    check = (await checks_of(paths, {"OPENAI_BASE_URL": url}))["base URL of openai"]
    assert check.ok is is_safe
    assert check.detail == f"{url} (from OPENAI_BASE_URL)"


async def test_the_holder_of_the_folder_is_named(paths: Paths) -> None:
    paths.ensure()
    with FolderLock(paths.lock_file):
        check = (await checks_of(paths))["lock"]
    assert "in use by process" in check.detail
    assert (await checks_of(paths))["lock"].detail == "free"


async def test_a_folder_that_is_a_file_is_told(paths: Paths) -> None:
    paths.data_dir.parent.mkdir(parents=True)
    paths.data_dir.write_text("in the way")
    check = (await checks_of(paths))["data folder"]
    assert not check.ok
    assert "is a file" in check.detail


async def test_a_full_disk_is_told(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SCARCE_BYTES", 10**18)
    checks = await checks_of(paths)
    assert not checks["disk of the data"].ok
    assert not checks["disk of the pictures"].ok
    assert "Make room" in checks["disk of the data"].hint


@pytest.mark.parametrize(("mode", "is_private"), [(0o700, True), (0o755, False), (0o770, False)])
async def test_a_data_folder_that_others_may_look_into_is_told(
    paths: Paths, mode: int, is_private: bool
) -> None:
    paths.ensure()
    paths.data_dir.chmod(mode)
    check = (await checks_of(paths))["data folder"]
    assert check.ok is is_private
    assert ("chmod 700" in check.hint) is not is_private
