"""Where keys come from and are kept: environment, system keyring, private file. Never shows one."""

import logging
import os
import re
import stat
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

import tomli_w

from engine.errors import InputError
from engine.masking import Masker
from engine.system_keyring import KeyringBackend, KeyringUnavailableError, LimitedKeyring, load_keyring
from engine.toml_files import read_toml, write_private_text

_log = logging.getLogger(__name__)


class KeyName(StrEnum):
    OPENAI = "openai"
    PIAPI = "piapi"
    REMOVE_BG = "remove_bg"
    RUNWARE = "runware"

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"{self.name}_API_KEY"


class KeySource(StrEnum):
    """Where a key comes from, in the order in which they win."""

    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    FILE = "file"
    NONE = "none"


class KeyStore:
    """Reads on demand, keeps nothing but what the masker must know. May block up to the keyring's limit."""

    def __init__(
        self,
        keys_file: Path,
        environ: Mapping[str, str] = os.environ,
        *,
        load: Callable[[], KeyringBackend | None] = load_keyring,
        keyring_seconds: float = 2.0,
        masker: Masker | None = None,
    ) -> None:
        self.keys_file = keys_file
        self.masker = masker if masker is not None else Masker()
        """Knows every value that this store has seen."""
        self._environ = environ
        self._keyring = LimitedKeyring(load, keyring_seconds)
        self._is_keyring_reported = False

    def __repr__(self) -> str:
        return f"<KeyStore {self.keys_file}>"

    @property
    def keyring_problem(self) -> str:
        """Why the keyring is not used, once it was tried; empty where it works."""
        return self._keyring.unavailable

    def get(self, name: KeyName) -> str | None:
        """The key, or None. Raises InputError for a keys file that is not safe or not valid."""
        return self._find(name)[0]

    def source(self, name: KeyName) -> KeySource:
        """Where `get` finds it. Raises InputError as `get` does."""
        return self._find(name)[1]

    def set(self, name: KeyName, value: str) -> KeySource:
        """Store a key and say where: in the keyring where there is a real one, else in the keys file.

        A key in the environment still wins over it. Raises InputError for a value that cannot be a key,
        and for a keys file that cannot be written.
        """
        value = value.strip()
        if not re.fullmatch(r"[\x21-\x7e]+", value):
            raise InputError(
                f"That cannot be the key for {name}: it is empty, or has blanks or non-ASCII in it.",
                hint="Copy it again from the service's page.",
            )
        self.masker.add(value)
        try:
            self._keyring.set(name, value)
        except KeyringUnavailableError:
            self._report_keyring()
            self._write_file({**self._read_file(), name: value})
            return KeySource.FILE
        self._forget_in_file(name)
        return KeySource.KEYRING

    def delete(self, name: KeyName) -> bool:
        """Remove a key from keyring and file; True if there was one. The environment is not touched."""
        was_in_file = self._forget_in_file(name)
        was_in_keyring = self._from_keyring(name) is not None
        if was_in_keyring:
            try:
                self._keyring.delete(name)
            except KeyringUnavailableError as error:
                raise InputError(f"The key for {name} is still in the key store: {error}.") from error
        return was_in_file or was_in_keyring

    def _find(self, name: KeyName) -> tuple[str | None, KeySource]:
        readers: tuple[tuple[KeySource, Callable[[KeyName], str | None]], ...] = (
            (KeySource.ENVIRONMENT, lambda key: self._environ.get(key.variable, "").strip()),
            (KeySource.KEYRING, self._from_keyring),
            (KeySource.FILE, lambda key: self._read_file().get(key)),
        )
        for source, read in readers:
            if value := read(name):
                self.masker.add(value)
                return value, source
        return None, KeySource.NONE

    def _from_keyring(self, name: KeyName) -> str | None:
        try:
            return self._keyring.get(name)
        except KeyringUnavailableError:
            self._report_keyring()
            return None

    def _report_keyring(self) -> None:
        if not self._is_keyring_reported:
            self._is_keyring_reported = True
            _log.warning(
                "Keys come from the environment and %s: %s.", self.keys_file, self._keyring.unavailable
            )

    def _read_file(self) -> dict[str, str]:
        try:
            mode = stat.S_IMODE(self.keys_file.stat().st_mode)
            if mode & 0o077:
                raise InputError(
                    f"{self.keys_file} holds keys and others may read it (mode {mode:04o}).",
                    hint=f"chmod 600 {self.keys_file}",
                )
            document = read_toml(self.keys_file)
        except FileNotFoundError:
            return {}
        for name, value in document.data.items():
            if name not in set(KeyName) or not isinstance(value, str):
                raise InputError(
                    f"{document.place(name)}: {name} is not the key of a known service as text in quotes.",
                    hint=f"Known are {', '.join(KeyName)}.",
                )
            self.masker.add(value)
        return document.data

    def _forget_in_file(self, name: KeyName) -> bool:
        keys = self._read_file()
        if name not in keys:
            return False
        self._write_file({other: value for other, value in keys.items() if other != name})
        return True

    def _write_file(self, keys: Mapping[str, str]) -> None:
        try:
            write_private_text(
                self.keys_file, tomli_w.dumps({str(name): keys[name] for name in sorted(keys)})
            )
        except OSError as error:
            raise InputError(f"{self.keys_file} cannot be written: {error.strerror}.") from error
