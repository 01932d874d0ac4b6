"""Where every file of the program lies. Makes nothing but the private folders, in `ensure`."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

from engine.errors import InputError

APP_NAME = "gen-image-factory"
HOME_VARIABLE = "GIMF_HOME"

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL among them.
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class Paths:
    """All places are absolute. Nothing is read or made when it is built."""

    data_dir: Path
    config_dir: Path
    default_output_dir: Path
    socket_file: Path
    """Beside the data; in a private folder of the user where that path is too long for a socket."""

    @classmethod
    def resolve(cls, home: Path | None, environ: Mapping[str, str] = os.environ) -> Self:
        """`home` (`--home`), else GIMF_HOME, puts everything under one folder; else the system's places."""
        if home is None and environ.get(HOME_VARIABLE):
            home = Path(environ[HOME_VARIABLE])
        if home is not None:
            root = home.expanduser().absolute()
            data_dir, config_dir, output_dir = root / "data", root / "config", root / "output"
        else:
            data_dir = platformdirs.user_data_path(APP_NAME, appauthor=False)
            config_dir = platformdirs.user_config_path(APP_NAME, appauthor=False)
            if config_dir == data_dir:  # macOS has one folder for both
                config_dir = data_dir / "config"
            output_dir = Path.home() / "Pictures" / APP_NAME
        return cls(data_dir, config_dir, output_dir, _socket_file(data_dir, environ))

    @property
    def database_file(self) -> Path:
        return self.data_dir / "factory.db"

    @property
    def lock_file(self) -> Path:
        return self.data_dir / "engine.lock"

    @property
    def log_file(self) -> Path:
        return self.data_dir / "gimf.log"

    @property
    def work_dir(self) -> Path:
        """Unfinished and failed pictures, where the settings name no other place."""
        return self.data_dir / "work"

    @property
    def previews_dir(self) -> Path:
        return self.data_dir / "previews"

    @property
    def trash_dir(self) -> Path:
        """Delivered pictures that were put into the trash."""
        return self.data_dir / "trash"

    @property
    def backups_dir(self) -> Path:
        """Copies of the database, made while the engine is at work."""
        return self.data_dir / "backups"

    @property
    def scratch_dir(self) -> Path:
        """Sheets of workbooks in the making; empty while no export is at work."""
        return self.data_dir / "scratch"

    @property
    def config_file(self) -> Path:
        return self.config_dir / "config.toml"

    @property
    def keys_file(self) -> Path:
        return self.config_dir / "keys.toml"

    @property
    def prices_file(self) -> Path:
        """The user's own prices, put over the built-in ones."""
        return self.config_dir / "prices.toml"

    @property
    def agencies_file(self) -> Path:
        """The user's own presets of stock agencies, put over the built-in ones."""
        return self.config_dir / "agencies.toml"

    @property
    def default_export_dir(self) -> Path:
        return self.default_output_dir / "exports"

    @property
    def demo_dir(self) -> Path:
        """Where the demo keeps everything that it makes, apart from real jobs."""
        return self.data_dir / "demo"

    def ensure(self) -> None:
        """Make the private folders, mode 0700; what is there already keeps its mode.

        Raises InputError naming the folder that cannot be made, or that belongs to someone else.
        """
        for folder in (self.data_dir, self.config_dir):
            _make_private(folder)
            _refuse_others(folder)
        inside = (self.work_dir, self.previews_dir, self.trash_dir, self.backups_dir)
        for folder in (*inside, self.socket_file.parent):
            _make_private(folder)
        if self.socket_file.parent != self.data_dir:
            _refuse_foreign(self.socket_file.parent)


def _socket_file(data_dir: Path, environ: Mapping[str, str]) -> Path:
    beside = data_dir / "engine.sock"
    if len(os.fsencode(beside)) <= _LONGEST_SOCKET_PATH:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        folder = Path(runtime) / APP_NAME
    else:
        folder = Path(f"/tmp/{APP_NAME}-{os.getuid()}")  # noqa: S108 - `ensure` checks whose it is
    return folder / f"{digest}.sock"


def _make_private(folder: Path) -> None:
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(20, "it is a file")
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            hint="Make it by hand, or choose another place with --home.",
        ) from error


def _refuse_others(folder: Path) -> None:
    """Two users in one folder would have two sets of keys, and files that the other one cannot change."""
    owner = folder.stat().st_uid
    if owner != os.getuid():
        raise InputError(
            f"The folder {folder} belongs to another user (number {owner}).",
            hint="Work as that user, or choose a folder of your own with --home.",
        )


def _refuse_foreign(folder: Path) -> None:
    """A shared temporary folder lets anyone make a name first."""
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise InputError(
            f"The folder {folder} does not belong to you alone.",
            hint="Remove it, or choose a shorter path with --home.",
        )
