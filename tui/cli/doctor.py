"""`gimf doctor`: the engine's checks and those of the terminal."""

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence

from engine.doctor import CheckView, examine
from engine.errors import SettingsError
from engine.explain import explain
from engine.paths import Paths
from engine.preferences import load_preferences
from engine.queries import open_queries
from engine.secrets import KeyStore
from engine.settings import Settings, merge_settings
from tui.cli.output import Output
from tui.cli.session import resolve_paths
from tui.cli.statuses import ExitStatus
from tui.terminal import find_out

_SMALLEST = (60, 16)


async def doctor(options: Namespace, output: Output) -> int:
    """An array of check objects. Status 0 when all are well, else 1."""
    paths = resolve_paths(options, os.environ)
    checks = [terminal_check(), pictures_check(paths), keymap_check(paths)]
    settings = Settings()
    if paths.database_file.exists():
        try:
            settings = await _default_settings(paths)
        except Exception as error:
            known = explain(error)
            if known is None:
                raise
            checks.append(
                CheckView(check="default configuration", ok=False, detail=known.message, hint=known.hint)
            )
    keys = KeyStore(paths.keys_file, os.environ)
    output.mask = keys.masker.mask
    checks += [check async for check in examine(paths, keys, os.environ, settings, is_online=options.online)]
    output.result(checks, _lines(checks))
    return ExitStatus.OK if all(check.ok for check in checks) else ExitStatus.FAILED


async def _default_settings(paths: Paths) -> Settings:
    async with open_queries(paths) as queries:
        return merge_settings((await queries.configuration(None)).settings)[0]


def terminal_check() -> CheckView:
    """Whether the full-screen program would have a terminal to draw on; commands need none."""
    name = os.environ.get("TERM", "")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return CheckView(check="terminal", ok=True, detail="none; commands work without one")
    columns, rows = shutil.get_terminal_size()
    is_fit = name not in ("", "dumb") and columns >= _SMALLEST[0] and rows >= _SMALLEST[1]
    return CheckView(
        check="terminal",
        ok=is_fit,
        detail=f"TERM={name or 'not set'}, {columns} x {rows}, {sys.stdout.encoding}",
        hint=""
        if is_fit
        else f"The full-screen program needs a terminal of {_SMALLEST[0]} x {_SMALLEST[1]}.",
    )


def pictures_check(paths: Paths) -> CheckView:
    """How the full-screen program would show pictures here, and why."""
    try:
        setting = load_preferences(paths.config_file, os.environ)[0].image_protocol
    except SettingsError:  # it has a check of its own
        setting = "auto"
    return CheckView(check="pictures in the terminal", ok=True, detail=find_out(setting).describe())


def keymap_check(paths: Paths) -> CheckView:
    """Whether every key that the user has changed can be used."""
    from tui.keys import checked_keymap

    try:
        keymap = load_preferences(paths.config_file, os.environ)[0].keymap
    except SettingsError:  # it has a check of its own
        keymap = {}
    good, problems = checked_keymap(keymap)
    return CheckView(
        check="changed keys",
        ok=not problems,
        detail="; ".join(problems) or (f"{len(good)} of them" if good else "none"),
        hint=f"Choose other keys in {paths.config_file}, table [keymap]." if problems else "",
    )


def _lines(checks: Sequence[CheckView]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"{'ok ' if check.ok else 'NOT'}  {check.check}: {check.detail}")
        if check.hint:
            lines.append(f"     {check.hint}")
    return lines
