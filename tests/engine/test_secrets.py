import logging
import stat
import threading
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.secrets import KeyName, KeySource, KeyStore
from engine.system_keyring import KeyringBackend


class MemoryKeyring:
    def __init__(self) -> None:
        self.stored: dict[str, str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.stored.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.stored[f"{service}/{username}"] = password

    def delete_password(self, service: str, username: str, /) -> None:
        del self.stored[f"{service}/{username}"]


def store(
    tmp_path: Path,
    environ: Mapping[str, str] | None = None,
    load: Callable[[], KeyringBackend | None] = lambda: None,
) -> KeyStore:
    return KeyStore(tmp_path / "keys.toml", environ or {}, load=load)


def private(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_names_in_the_environment() -> None:
    assert [name.variable for name in KeyName] == [
        "OPENAI_API_KEY",
        "PIAPI_API_KEY",
        "REMOVE_BG_API_KEY",
        "RUNWARE_API_KEY",
    ]


def test_environment_then_keyring_then_file(tmp_path: Path) -> None:
    backend = MemoryKeyring()
    private(tmp_path, 'openai = "from-file"\n')
    keys = store(tmp_path, {}, lambda: backend)
    assert (keys.get(KeyName.OPENAI), keys.source(KeyName.OPENAI)) == ("from-file", KeySource.FILE)
    backend.set_password("gen-image-factory", "openai", "from-keyring")
    assert (keys.get(KeyName.OPENAI), keys.source(KeyName.OPENAI)) == ("from-keyring", KeySource.KEYRING)
    keys = store(tmp_path, {"OPENAI_API_KEY": " from-environment\n"}, lambda: backend)
    assert (keys.get(KeyName.OPENAI), keys.source(KeyName.OPENAI)) == (
        "from-environment",
        KeySource.ENVIRONMENT,
    )
    assert (keys.get(KeyName.PIAPI), keys.source(KeyName.PIAPI)) == (None, KeySource.NONE)


def test_an_empty_variable_is_no_key(tmp_path: Path) -> None:
    assert store(tmp_path, {"OPENAI_API_KEY": " "}).source(KeyName.OPENAI) is KeySource.NONE


def test_a_key_is_stored_in_the_keyring_and_no_longer_in_the_file(tmp_path: Path) -> None:
    backend = MemoryKeyring()
    path = private(tmp_path, 'openai = "old-value"\npiapi = "other-value"\n')
    assert store(tmp_path, {}, lambda: backend).set(KeyName.OPENAI, " new-value\n") is KeySource.KEYRING
    assert backend.stored == {"gen-image-factory/openai": "new-value"}
    assert tomllib.loads(path.read_text()) == {"piapi": "other-value"}


def test_without_a_keyring_a_key_goes_into_a_private_file(tmp_path: Path) -> None:
    keys = store(tmp_path)
    assert keys.set(KeyName.RUNWARE, "value-one") is KeySource.FILE
    assert keys.set(KeyName.PIAPI, "value-two") is KeySource.FILE
    assert stat.S_IMODE(keys.keys_file.stat().st_mode) == 0o600
    fresh = store(tmp_path)
    assert (fresh.get(KeyName.RUNWARE), fresh.get(KeyName.PIAPI)) == ("value-one", "value-two")


def test_a_stored_key_yields_to_the_environment(tmp_path: Path) -> None:
    keys = store(tmp_path, {"PIAPI_API_KEY": "from-environment"})
    assert keys.set(KeyName.PIAPI, "stored-value") is KeySource.FILE
    assert keys.get(KeyName.PIAPI) == "from-environment"


@pytest.mark.parametrize("value", ["", "  ", "two words", "line\nbreak", "kéy-value", "esc\x1bape"])
def test_what_cannot_be_a_key_is_refused_unseen(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError) as caught:
        store(tmp_path).set(KeyName.OPENAI, value)
    assert value.strip() == "" or value not in str(caught.value)
    assert not (tmp_path / "keys.toml").exists()


def test_delete_removes_it_everywhere(tmp_path: Path) -> None:
    backend = MemoryKeyring()
    private(tmp_path, 'openai = "in-file"\n')
    backend.set_password("gen-image-factory", "openai", "in-keyring")
    keys = store(tmp_path, {}, lambda: backend)
    assert keys.delete(KeyName.OPENAI)
    assert keys.source(KeyName.OPENAI) is KeySource.NONE
    assert not keys.delete(KeyName.OPENAI)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, 'openai = "file-value"\n', mode)
    with pytest.raises(InputError, match=f"mode {mode:04o}") as caught:
        store(tmp_path).get(KeyName.OPENAI)
    assert caught.value.hint == f"chmod 600 {path}"
    with pytest.raises(InputError):
        store(tmp_path).set(KeyName.PIAPI, "new-value")


@pytest.mark.parametrize(
    "text", ["opnai = 'file-value'\n", "openai = 5\n", "openai = file-value\n", "[openai]\n"]
)
def test_a_bad_file_names_the_line_and_no_value(tmp_path: Path, text: str) -> None:
    private(tmp_path, text)
    with pytest.raises(InputError, match="line 1") as caught:
        store(tmp_path).get(KeyName.OPENAI)
    assert "file-value" not in str(caught.value)


def test_a_hanging_keyring_is_told_once_and_the_file_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait()

    private(tmp_path, 'openai = "file-value"\n')
    keys = KeyStore(tmp_path / "keys.toml", {}, load=hang, keyring_seconds=0.01)
    try:
        with caplog.at_level(logging.WARNING):
            assert keys.get(KeyName.OPENAI) == "file-value"
            assert keys.get(KeyName.PIAPI) is None
            assert keys.set(KeyName.PIAPI, "new-value") is KeySource.FILE
        assert len(caplog.records) == 1
        assert "did not answer" in caplog.text
        assert "did not answer" in keys.keyring_problem
        assert "value" not in caplog.text
    finally:
        release.set()


def test_every_key_that_was_seen_is_masked(tmp_path: Path) -> None:
    private(tmp_path, 'runware = "rw-value"\n')
    keys = store(tmp_path, {"OPENAI_API_KEY": "env-value"})
    keys.get(KeyName.OPENAI)
    keys.get(KeyName.PIAPI)
    keys.set(KeyName.PIAPI, "set-value")
    assert keys.masker.mask("env-value rw-value set-value") == "••• ••• •••"


def test_no_representation_shows_a_key(tmp_path: Path) -> None:
    keys = store(tmp_path, {"OPENAI_API_KEY": "env-value"})
    keys.get(KeyName.OPENAI)
    assert "env-value" not in repr(keys) + repr(keys.masker)
