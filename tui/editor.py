"""Hands a file to the user's own editor. Blocks until it is closed; the app must have given the terminal away."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine.errors import InputError

_FALLBACKS = ("sensible-editor", "nano", "vim", "vi")


def editor_command(environ: Mapping[str, str] = os.environ) -> list[str]:
    """VISUAL, else EDITOR, else what is installed. Raises InputError where there is nothing to edit with."""
    for variable in ("VISUAL", "EDITOR"):
        if text := environ.get(variable, "").strip():
            try:
                return shlex.split(text)
            except ValueError as error:
                raise InputError(f"{variable} cannot be read: {error}.", hint="Mend its quotes.") from error
    for name in _FALLBACKS:
        if found := shutil.which(name, path=environ.get("PATH")):
            return [found]
    raise InputError("There is no editor.", hint="Set EDITOR in the environment.")


def edit_file(path: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Let the user edit the file. Raises InputError where the editor cannot be started, or ends with a failure."""
    command = editor_command(environ)
    try:
        status = subprocess.run([*command, str(path)], check=False, env=dict(environ)).returncode  # noqa: S603
    except OSError as error:
        raise InputError(
            f"The editor {command[0]} cannot be started: {error.strerror}.", hint="Set EDITOR to another one."
        ) from error
    if status != 0:
        raise InputError(f"The editor {command[0]} ended with status {status}; nothing was taken over.")
